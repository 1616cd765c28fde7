"""A release: the chain of revisions up to head, and the digest of these scripts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.errors.releases import ForeignRevision

if TYPE_CHECKING:
    from collections.abc import Iterable

Position = tuple[str, ...]
"""The revisions in a database's version table, sorted. Empty is base; several are the heads of branches."""


@dataclass(frozen=True, slots=True)
class Revision:
    """An Alembic script. ``digest`` covers its bytes and those of all its ancestors."""

    id: str
    parents: tuple[str, ...]
    message: str
    path: str
    script_sha256: str
    digest: str


@dataclass(frozen=True, slots=True)
class Release:
    """All revisions, each after its parents; the last one is the head."""

    revisions: tuple[Revision, ...]

    @property
    def head(self) -> Position:
        """The position after this release."""
        return (self.revisions[-1].id,) if self.revisions else ()

    @property
    def name(self) -> str:
        """The digest of all scripts, which is the head's; ``base`` if there are none."""
        return self.revisions[-1].digest if self.revisions else "base"

    def revision(self, name: str) -> Revision:
        """Return the revision with an ID; raise ForeignRevision if there is none."""
        for revision in self.revisions:
            if revision.id == name:
                return revision
        raise ForeignRevision(name, self.head[0] if self.head else "base")

    def ancestors(self, position: Position) -> frozenset[str]:
        """Return the IDs of the revisions that a database at a position has applied, the position included."""
        found: set[str] = set()
        stack = list(position)
        while stack:
            revision = self.revision(stack.pop())
            if revision.id not in found:
                found.add(revision.id)
                stack.extend(revision.parents)
        return frozenset(found)

    def is_position(self, position: Position) -> bool:
        """Return whether a version table may have these rows: known revisions, none of them an ancestor of another."""
        if not {revision.id for revision in self.revisions}.issuperset(position):
            return False
        return not any(
            name in self.ancestors(tuple(each for each in position if each != name)) for name in position
        )

    def pending(self, position: Position) -> tuple[Revision, ...]:
        """Return the revisions that a database at a position has not applied, in the order of upgrading."""
        applied = self.ancestors(position)
        return tuple(revision for revision in self.revisions if revision.id not in applied)

    def revisions_to_revert(self, start: Position, end: Position) -> tuple[Revision, ...]:
        """Return the revisions to revert from ``start`` to ``end``, in the order of downgrading."""
        reverted = self.ancestors(start) - self.ancestors(end)
        return tuple(revision for revision in reversed(self.revisions) if revision.id in reverted)

    def digest(self, fingerprint: str) -> str:
        """Return the release ID: SHA-256 over the scripts' digest and the fingerprint of the resulting schema."""
        return hashlib.sha256(f"{self.name}\n{fingerprint}".encode()).hexdigest()


def revision_digest(name: str, script: bytes, parent_digests: Iterable[str]) -> str:
    """Return SHA-256 over the parents' digests, the revision's ID and the bytes of its script."""
    hashed = hashlib.sha256()
    for part in (*sorted(parent_digests), name):
        hashed.update(part.encode())
        hashed.update(b"\n")
    hashed.update(script)
    return hashed.hexdigest()


def build_release(scripts: Iterable[tuple[str, tuple[str, ...], str, str, bytes]]) -> Release:
    """Return the release of scripts, given as (ID, parents, message, path, bytes), each after its parents."""
    known: dict[str, Revision] = {}
    for name, parents, message, path, script in scripts:
        digest = revision_digest(name, script, [known[parent].digest for parent in parents])
        known[name] = Revision(name, parents, message, path, hashlib.sha256(script).hexdigest(), digest)
    return Release(tuple(known.values()))


def format_position(position: Position) -> str:
    """Return a position as text: the revision IDs, or ``base``."""
    return " + ".join(position) or "base"
