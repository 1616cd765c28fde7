"""The positions at which a database can be by the names of its objects, without the schema of each position."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from wish_rollout.core.environment.baseline import PLATFORM_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.snapshot import Key, Snapshot
    from wish_rollout.rollout.project.history import History


def positions_with_objects_of(history: History, live: Snapshot) -> Iterator[Position]:
    """Yield the positions whose schemas have exactly the objects of ``live``, the latest first; others cannot be equal to it.

    Objects that a platform may create do not count. Positions of several heads are always yielded.
    """
    differing = _differing(history, live)
    for position in history.positions:
        if len(position) != 1 or not differing.get(position[0], 0):
            yield position


def _differing(history: History, live: Snapshot) -> dict[str, int]:
    """Return for each recorded revision how many objects only one of its schema and ``live`` has."""
    release = history.project.release
    names = {key for key in live.objects if key[0] not in PLATFORM_KINDS}
    start = {key for key in history.at(history.base).objects if key[0] not in PLATFORM_KINDS} ^ names
    before = release.ancestors(history.base)
    records = [history.record(each.id) for each in release.revisions if each.id not in before]
    children = Counter(record.parent for record in records)
    tips: dict[str, set[Key]] = {}
    found: dict[str, int] = {}
    for record in records:
        children[record.parent] -= 1
        parent = tips.get(record.parent, start)
        differing = set(parent) if parent is start or children[record.parent] else tips.pop(record.parent)
        for key, properties in {**record.merged, **record.changes}.items():
            if key[0] not in PLATFORM_KINDS:
                (differing.discard if (properties is not None) == (key in names) else differing.add)(key)
        found[record.revision] = len(differing)
        if children[record.revision]:
            tips[record.revision] = differing
    return found
