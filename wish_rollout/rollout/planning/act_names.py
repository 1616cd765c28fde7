"""The names of acts in the journal of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.plan.action import Action
from wish_rollout.core.release.release import format_position
from wish_rollout.postgres.records.journal import act_name

if TYPE_CHECKING:
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.project.project import Project


def journal_act_name(project: Project, plan: EnvironmentPlan) -> str:
    """Return the name of a plan's act in the journal: version table, the release's name there, action, and a rollback's target.

    An adoption that applies revisions, and a release that is continued with changed scripts, have the name of an
    upgrade, by which a later run continues them.
    """
    action = Action.UPGRADE if plan.action in (Action.ADOPT, Action.REPLAN) else plan.action
    how = f"down {format_position(plan.end)}" if plan.action is Action.ROLLBACK else action.value
    return act_name(project.config.release.version_table, plan.journal_digest, how)
