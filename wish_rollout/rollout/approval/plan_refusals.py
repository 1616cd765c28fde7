"""What no approval can cover: code that is not the recorded code, and changes of the whole server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.execution import ClusterChangeRefused, CodeNotApproved
from wish_rollout.core.hazards.cluster_statements import cluster_statements

if TYPE_CHECKING:
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.project.project import Project


def refuse_unapprovable(project: Project, plan: EnvironmentPlan) -> None:
    """Raise if a plan contains what no approval can cover: unrecorded code, or changes of the whole server.

    Raises CodeNotApproved, ClusterChangeRefused.
    """
    if plan.is_empty:
        return
    if changed := project.code.differences():
        raise CodeNotApproved(plan.environment, "; ".join(changed))
    for change in cluster_statements(plan.all_statements):
        raise ClusterChangeRefused(plan.environment, change)
