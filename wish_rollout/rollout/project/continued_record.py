"""From where a record in ``meta/`` can be continued: what is recorded before counts as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.revisions.records.code_record import CodeRecord
from wish_rollout.revisions.records.meta_folder import BASE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.release.release import Position
    from wish_rollout.revisions.records.meta_folder import MetaFolder
    from wish_rollout.revisions.records.recorded_schemas import Recorded
    from wish_rollout.rollout.project.project import Project


def reliable_record(project: Project, meta: MetaFolder) -> Recorded | None:
    """Return what is recorded, or None if scripts, env.py or what they import are no longer what they were."""
    try:
        meta.check(project.release)
        start = meta.snapshot(BASE)
        if start is None or not meta.entries.keys() <= project.release.by_id.keys():
            return None
        if CodeRecord.read(meta.folder) is None or project.code.differences():
            return None
        return meta.recorded(start)
    except RolloutError:
        return None


def last_recorded_position(project: Project, recorded: Recorded, newest: int = 0) -> Position:
    """Return the last recorded revision through which the whole history goes; empty if there is none.

    A later revision that follows an earlier one, or none, goes past it.

    ``newest``: so many revisions are to come after it.
    """
    release = project.release
    before = release.ancestors(recorded.base)
    order = [each.id for each in release.revisions if each.id not in before]
    count = next((place for place, name in enumerate(order) if name not in recorded.records), len(order))
    earliest = earliest_parents([release.revision(name).parents for name in order], order)
    heads = set(recorded.base)
    found: Position = ()
    for place, name in enumerate(order[: max(0, min(count, len(order) - newest))]):
        heads = heads.difference(release.revision(name).parents) | {name}
        if len(heads) == 1 and earliest[place + 1] >= place:
            found = (name,)
    return found


def earliest_parents(parents: Sequence[tuple[str, ...]], order: Sequence[str]) -> list[int]:
    """Return for each place of ``order``, and the end: the first place of a parent of what is there or later.

    It is -1 if one of these has no parent, or one that is not in ``order``.
    """
    places = {name: place for place, name in enumerate(order)}
    found = [len(order)]
    for names in reversed(parents):
        first = min((places.get(name, -1) for name in names), default=-1)
        found.append(min(first, found[-1]))
    return found[::-1]
