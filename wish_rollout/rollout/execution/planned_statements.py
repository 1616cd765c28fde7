"""What was measured of the statements that a plan sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.plan.action import Action

if TYPE_CHECKING:
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.release.measurements import LockSequence
    from wish_rollout.rollout.project.project import Project


def lock_sequence(project: Project, plan: EnvironmentPlan) -> LockSequence:
    """Return what was measured of the statements that a plan sends."""
    if plan.action is Action.ROLLBACK:
        reverted = project.release.revisions_to_revert(plan.start, plan.end)
        return project.measurements.sequence(reverted, "downgrade")
    return project.measurements.sequence(project.release.pending(plan.upgraded_from), "upgrade")
