"""How a history with branches is walked: in lines of revisions, each on a database of its own.

A database at a revision has exactly that revision and its ancestors. So a line goes on from a revision to one of its
children; every other child begins a line of its own, on a database to which the ancestors are applied first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wish_rollout.core.release.release import Position, Release


@dataclass(slots=True)
class Segment:
    """A line of revisions.

    ``applied``: what is applied before the first one. ``parent``: the revision whose schema the first one's changes
    start from; empty at base.
    """

    parent: str
    applied: frozenset[str]
    revisions: list[str] = field(default_factory=list)


def segments(release: Release, base: Position, wanted: frozenset[str]) -> list[Segment]:
    """Return the lines that together hold each wanted revision once, in an order in which parents come first."""
    root = base[0] if len(base) == 1 else ""
    before = release.ancestors(base)
    open_ends: dict[str, Segment] = {}
    found: list[Segment] = []
    depth: dict[str, int] = {}
    for revision in release.revisions:
        if revision.id not in wanted:
            continue
        parents = [parent for parent in revision.parents if parent in wanted]
        depth[revision.id] = 1 + max((depth[parent] for parent in parents), default=0)
        parent = max(parents, key=lambda name: (name in open_ends, depth[name]), default="")
        line = open_ends.pop(parent, None)
        if line is None:
            applied = release.ancestors((parent,)) if parent else before
            line = Segment(parent or root, applied)
            found.append(line)
        line.revisions.append(revision.id)
        open_ends[revision.id] = line
    return found
