"""How a history with branches is walked: in lines of revisions, each on a database of its own.

A database at a revision has exactly that revision and its ancestors. So a line continues from a revision to one of its
children; every other child begins a line of its own, on a database to which the ancestors are applied first.
Ancestors are always applied in the release's order, since the order of columns depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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
    place = {revision.id: number for number, revision in enumerate(release.revisions)}
    open_ends: dict[str, Segment] = {}
    found: list[Segment] = []
    for revision in release.revisions:
        if revision.id not in wanted:
            continue
        parents = [parent for parent in revision.parents if parent in wanted]
        line = None
        if len(revision.parents) == 1:
            line = open_ends.pop(revision.parents[0], None)
        else:
            others = release.ancestors((revision.id,)) - {revision.id}
            for parent in sorted(parents, key=lambda name: place[name]):
                missing = others - release.ancestors((parent,))
                if parent in open_ends and all(place[name] > place[parent] for name in missing):
                    line = open_ends.pop(parent)
                    break
        if line is None:
            others = release.ancestors((revision.id,)) - {revision.id}
            line = Segment(max(parents, key=lambda name: place[name], default=root), others)
            found.append(line)
        line.revisions.append(revision.id)
        open_ends[revision.id] = line
    return found


def in_order(release: Release, revisions: frozenset[str]) -> list[str]:
    """Return revisions in the release's order, in which parents come first."""
    return [each.id for each in release.revisions if each.id in revisions]


def route(release: Release, segment: Segment, applied: frozenset[str]) -> list[str]:
    """Return a line's revisions, each after those of its ancestors that are not applied yet."""
    there, found = set(applied), []
    for name in segment.revisions:
        missing = release.ancestors((name,)) - there if len(release.revision(name).parents) > 1 else {name}
        found += in_order(release, frozenset(missing))
        there |= missing
    return found


def pieces(revisions: Iterable[str], ends: Callable[[str], bool]) -> Iterator[list[str]]:
    """Yield revisions in pieces that end where ``ends`` says so, and at the last one."""
    piece: list[str] = []
    for name in revisions:
        piece.append(name)
        if ends(name):
            yield piece
            piece = []
    if piece:
        yield piece
