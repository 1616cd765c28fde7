"""Judging a plan on the database as it is: hazards, with the reasons for which revisions allow them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.hazards import HazardsNotAllowed
from wish_rollout.core.hazards.assessment import judge_hazards
from wish_rollout.core.hazards.pending_revision import Pending
from wish_rollout.core.hazards.rules.table_rewrite import calls
from wish_rollout.core.hazards.touched_tables import touched
from wish_rollout.core.plan.plan import Action, EnvironmentPlan
from wish_rollout.postgres.rows.table_statistics import read_live_facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from wish_rollout.rollout.project.project import Project


def add_hazards(
    project: Project, connection: psycopg.Connection[Any], plan: EnvironmentPlan
) -> EnvironmentPlan:
    """Give the plan with its hazards; the session must be in autocommit, and is only read from.

    Raises BadAllowance. What is dropped before (``Action.CLEAN``) is as good as not there.
    """
    if plan.action not in (Action.UPGRADE, Action.CLEAN, Action.ROLLBACK) or not plan.pending:
        return plan
    from wish_rollout.revisions.hazard_allowances import allowances

    pending = pending_revisions(project, plan)
    gone = {obstacle.name for obstacle in plan.obstacles} if plan.action is Action.CLEAN else set()
    names = set().union(*(touched(one) for one in pending)) - gone
    indexes = {name for one in pending for kind, name in one.before.objects if kind == "index"}
    live = read_live_facts(connection, names, indexes - gone, functions_in_new_defaults(pending))
    allowed = {one.revision: allowances(project.scripts, one.revision) for one in pending}
    return replace(plan, hazards=judge_hazards(pending, live, allowed))


def pending_revisions(project: Project, plan: EnvironmentPlan) -> list[Pending]:
    """Give each pending revision, or each that is taken back, with the schemas before and after it."""
    history = project.history
    if plan.action is Action.ROLLBACK:
        return [
            Pending(
                revision.id,
                history.at((revision.id,)),
                history.at(tuple(sorted(revision.parents))),
                history.record(revision.id).downgrade,
            )
            for revision in project.release.revisions_to_revert(plan.start, plan.end)
        ]
    return [
        Pending(
            revision.id,
            history.at(tuple(sorted(revision.parents))),
            history.at((revision.id,)),
            history.record(revision.id).upgrade,
        )
        for revision in project.release.pending(plan.start)
    ]


def functions_in_new_defaults(pending: Sequence[Pending]) -> set[str]:
    """Name the functions that defaults of the coming columns call."""
    return {
        name
        for one in pending
        for _, properties in one.after.of_kind("column")
        if "default" in properties
        for name in calls(str(properties["default"]))
    }


def refuse_hazards(plan: EnvironmentPlan) -> None:
    """Raise HazardsNotAllowed where a hazard is not allowed by its revision."""
    left = [hazard for hazard in plan.hazards if not hazard.allowed]
    if not left:
        return
    kinds = list(dict.fromkeys(hazard.kind for hazard in left))
    raise HazardsNotAllowed(
        plan.environment,
        " ".join(f"{hazard}. {hazard.why}" for hazard in left).rstrip("."),
        "\n".join(dict.fromkeys(hazard.instead for hazard in left)),
        "allow_hazards = {" + ", ".join(f'"{kind}": "…"' for kind in kinds) + "}",
    )
