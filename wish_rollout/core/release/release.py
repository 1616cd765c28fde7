"""A release: the chain of revisions up to head, and the digest that names exactly these scripts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.errors.releases import ForeignRevision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Position = tuple[str, ...]
"""Where a database is: Alembic's heads in it, sorted. Empty is base; more than one, between branches."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One Alembic script. ``digest`` covers it and all that it stands on."""

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
        """The position that this release leads to."""
        return (self.revisions[-1].id,) if self.revisions else ()

    @property
    def name(self) -> str:
        """Name exactly these scripts: the head's digest; ``base`` where there are none."""
        return self.revisions[-1].digest if self.revisions else "base"

    def revision(self, name: str) -> Revision:
        """Find one by its id; raise ForeignRevision."""
        for revision in self.revisions:
            if revision.id == name:
                return revision
        raise ForeignRevision(name, self.head[0] if self.head else "base")

    def ancestors(self, position: Position) -> frozenset[str]:
        """Name every revision that a database at this position has behind it, itself included."""
        found: set[str] = set()
        stack = list(position)
        while stack:
            revision = self.revision(stack.pop())
            if revision.id not in found:
                found.add(revision.id)
                stack.extend(revision.parents)
        return frozenset(found)

    def pending(self, position: Position) -> tuple[Revision, ...]:
        """List what a database at this position still lacks, in the order of applying."""
        behind = self.ancestors(position)
        return tuple(revision for revision in self.revisions if revision.id not in behind)

    def revisions_to_revert(self, start: Position, end: Position) -> tuple[Revision, ...]:
        """List what a database at ``start`` has to take back to be at ``end``, in the order of taking back."""
        gone = self.ancestors(start) - self.ancestors(end)
        return tuple(revision for revision in reversed(self.revisions) if revision.id in gone)

    def digest(self, fingerprint: str) -> str:
        """Name this release: the head's digest, and the fingerprint of the schema that it leads to."""
        return hashlib.sha256(f"{self.name}\n{fingerprint}".encode()).hexdigest()


def revision_digest(name: str, script: bytes, parent_digests: Iterable[str]) -> str:
    """SHA-256 over the parents' digests, the revision's id and the bytes of its script."""
    hashed = hashlib.sha256()
    for part in (*sorted(parent_digests), name):
        hashed.update(part.encode())
        hashed.update(b"\n")
    hashed.update(script)
    return hashed.hexdigest()


def chain(scripts: Iterable[tuple[str, tuple[str, ...], str, str, bytes]]) -> Release:
    """Build a release of (id, parents, message, path, script bytes), given each after its parents."""
    known: dict[str, Revision] = {}
    for name, parents, message, path, script in scripts:
        digest = revision_digest(name, script, (_digest(known, parent) for parent in parents))
        known[name] = Revision(name, parents, message, path, hashlib.sha256(script).hexdigest(), digest)
    return Release(tuple(known.values()))


def _digest(known: Mapping[str, Revision], parent: str) -> str:
    return known[parent].digest


def say(position: Position) -> str:
    """Write a position for a person."""
    return " + ".join(position) or "base"
