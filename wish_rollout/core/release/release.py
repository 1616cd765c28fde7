"""A release: the graph of its revisions, and the digest that identifies exactly these scripts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from wish_rollout.core.errors.releases import ForeignRevision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Position = tuple[str, ...]
"""The heads that Alembic's version table holds, sorted. Empty at base; more than one between branches."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One Alembic script. ``digest`` covers the script and every revision that it depends on.

    ``parents``: the revisions that Alembic applies before it (``down_revision`` and ``depends_on``).
    """

    id: str
    parents: tuple[str, ...]
    message: str
    path: str
    script_sha256: str
    digest: str


@dataclass(frozen=True)
class Release:
    """All revisions of a release, each after its parents.

    ``start``: the position where replays begin; databases before it are at no position of the release.
    """

    revisions: tuple[Revision, ...]
    start: Position = ()

    @cached_property
    def by_id(self) -> Mapping[str, Revision]:
        """The revisions by their IDs."""
        return {revision.id: revision for revision in self.revisions}

    @cached_property
    def head(self) -> Position:
        """The position that this release leads to: the revisions that are no other one's parents."""
        parents = {parent for revision in self.revisions for parent in revision.parents}
        return tuple(sorted(self.by_id.keys() - parents))

    @cached_property
    def name(self) -> str:
        """The digest of exactly these scripts: the head's, or one over all heads'; ``base`` without revisions."""
        digests = sorted(self.by_id[name].digest for name in self.head)
        if len(digests) < 2:
            return digests[0] if digests else "base"
        return hashlib.sha256("\n".join(digests).encode()).hexdigest()

    def revision(self, name: str) -> Revision:
        """Return the revision with this ID; raise ForeignRevision."""
        found = self.by_id.get(name)
        if found is None:
            raise ForeignRevision(name, format_position(self.head))
        return found

    def ancestors(self, position: Position) -> frozenset[str]:
        """Return every revision that a database at this position has applied; raise ForeignRevision."""
        found: set[str] = set()
        stack = list(position)
        while stack:
            name = stack.pop()
            if name not in found:
                found.add(name)
                stack.extend(self.revision(name).parents)
        return frozenset(found)

    def up_to(self, position: Position) -> Release:
        """Return the release that leads to a position; raise ForeignRevision."""
        wanted = self.ancestors(position)
        return Release(tuple(revision for revision in self.revisions if revision.id in wanted))

    def is_position(self, position: Position) -> bool:
        """Return whether a version table may have these rows.

        They are different revisions of the release, none of them an ancestor of another, and not before ``start``.
        """
        known = {revision.id for revision in self.revisions}
        if not known.issuperset(position) or len(set(position)) < len(position):
            return False
        if not self.includes_start(position):
            return False
        return not any(
            name in self.ancestors(tuple(each for each in position if each != name)) for name in position
        )

    def includes_start(self, position: Position) -> bool:
        """Return whether a database at this position has applied what replays begin with."""
        return not self._bits(self.start) & ~self._bits(position)

    def including_start(self, position: Position) -> Position:
        """Return a position with what replays begin with, where that is of several branches and it is of some of them."""
        applied = self._bits(position)
        missing = tuple(name for name in self.start if self._bits((name,)) & ~applied)
        before = self._bits(missing)
        return tuple(sorted((*missing, *(name for name in position if self._bits((name,)) & ~before))))

    def _bits(self, position: Position) -> int:
        """Return a number with the bit of each revision that a database at this position has applied; raise ForeignRevision."""
        found = 0
        for name in position:
            found |= self._applied_bits[self.revision(name).id]
        return found

    @cached_property
    def _applied_bits(self) -> Mapping[str, int]:
        """The bits of each revision and its ancestors, where a history is walked too often to collect names each time."""
        found: dict[str, int] = {}
        for number, revision in enumerate(self.revisions):
            bits = 1 << number
            for parent in revision.parents:
                bits |= found[parent]
            found[revision.id] = bits
        return found

    def pending(self, position: Position) -> tuple[Revision, ...]:
        """Return the revisions that a database at this position lacks, in the order of applying them."""
        applied = self.ancestors(position)
        return tuple(revision for revision in self.revisions if revision.id not in applied)

    def before_followers(self, start: Position, revision: str) -> Position:
        """Return the position after all revisions that follow ``revision`` are taken back; other branches are left.

        So does ``alembic downgrade REVISION``.
        """
        applied, gone = self.ancestors(start), {revision}
        for each in self.revisions:
            if not gone.isdisjoint(each.parents):
                gone.add(each.id)
        left = applied - (gone - {revision})
        followed = {parent for each in self.revisions if each.id in left for parent in each.parents}
        return tuple(sorted(left - followed))

    def revisions_to_revert(self, start: Position, end: Position) -> tuple[Revision, ...]:
        """Return the revisions to take back between two positions, in the order of taking them back."""
        gone = self.ancestors(start) - self.ancestors(end)
        return tuple(revision for revision in reversed(self.revisions) if revision.id in gone)

    def digest(self, fingerprint: str, code: str) -> str:
        """Return the release ID: SHA-256 over the scripts' digest, the resulting schema, and the digest of other code."""
        return hashlib.sha256(f"{self.name}\n{fingerprint}\n{code}".encode()).hexdigest()


def revision_digest(name: str, script: bytes, parent_digests: Iterable[str]) -> str:
    """Return the SHA-256 over the parents' digests, the revision's ID and the bytes of its script."""
    hashed = hashlib.sha256()
    for part in (*sorted(parent_digests), name):
        hashed.update(part.encode())
        hashed.update(b"\n")
    hashed.update(script)
    return hashed.hexdigest()


def build_release(scripts: Iterable[tuple[str, tuple[str, ...], str, str, bytes]]) -> Release:
    """Return a release of (id, parents, message, path, script bytes), where each comes after its parents."""
    known: dict[str, Revision] = {}
    for name, parents, message, path, script in scripts:
        digest = revision_digest(name, script, (known[parent].digest for parent in parents))
        known[name] = Revision(name, parents, message, path, hashlib.sha256(script).hexdigest(), digest)
    return Release(tuple(known.values()))


def format_position(position: Position) -> str:
    """Return a position as a person reads it."""
    return " + ".join(position) or "base"


def parse_position(text: str) -> Position:
    """Return the position that ``format_position`` has written."""
    return () if text == "base" else tuple(text.split(" + "))
