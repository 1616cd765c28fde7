"""From where a record in ``meta/`` can be continued: what is recorded before counts as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.revisions.records.code_record import CodeRecord
from wish_rollout.revisions.records.meta_folder import BASE

if TYPE_CHECKING:
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

    ``newest``: so many revisions are to come after it.
    """
    release = project.release
    before = release.ancestors(recorded.base)
    order = [each.id for each in release.revisions if each.id not in before]
    count = next((place for place, name in enumerate(order) if name not in recorded.records), len(order))
    heads = set(recorded.base)
    found: Position = ()
    for name in order[: max(0, min(count, len(order) - newest))]:
        heads = heads.difference(release.revision(name).parents) | {name}
        if len(heads) == 1:
            found = (name,)
    return found
