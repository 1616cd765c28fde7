"""The schemas before and after one revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wish_rollout.core.release.release import Revision
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.project import Project


def schemas_around(project: Project, revision: Revision) -> tuple[Snapshot, Snapshot]:
    """Return the schemas before and after a revision, without later revisions of other branches; raise as ``History.at``."""
    positions = tuple(sorted(revision.parents)), (revision.id,)
    before, after = (project.history.at(project.release.including_start(each)) for each in positions)
    return before, after
