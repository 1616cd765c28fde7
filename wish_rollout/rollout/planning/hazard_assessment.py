"""Hazards of a plan on the current database, with the reasons of the revisions that allow them."""

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
    """Return the plan with its hazards.

    ``connection``: in autocommit mode; it is only read from. Objects that are dropped before the migration
    (``Action.CLEAN``) are ignored. Raises InvalidHazardAllowance.
    """
    if plan.action not in (Action.UPGRADE, Action.CLEAN, Action.ADOPT, Action.ROLLBACK) or not plan.pending:
        return plan
    from wish_rollout.revisions.hazard_allowances import allowances

    pending = pending_revisions(project, plan)
    cleaned = {each.name for each in plan.conflicting_objects} if plan.action is Action.CLEAN else set()
    names = set().union(*(touched(revision) for revision in pending)) - cleaned
    indexes = {name for revision in pending for kind, name in revision.before.objects if kind == "index"}
    live = read_live_facts(connection, names, indexes - cleaned, functions_in_new_defaults(pending))
    allowed = {revision.revision: allowances(project.scripts, revision.revision) for revision in pending}
    return replace(plan, hazards=judge_hazards(pending, live, allowed))


def pending_revisions(project: Project, plan: EnvironmentPlan) -> list[Pending]:
    """Return each revision that the plan upgrades or downgrades, with the schemas before and after it."""
    history = project.history
    if plan.action is Action.ROLLBACK:
        return [
            Pending(
                revision.id,
                history.at((revision.id,)),
                history.at(tuple(sorted(revision.parents))),
                history.record((revision.id,)).downgrade,
            )
            for revision in project.release.revisions_to_revert(plan.start, plan.end)
        ]
    return [
        Pending(
            revision.id,
            history.at(tuple(sorted(revision.parents))),
            history.at((revision.id,)),
            history.record((revision.id,)).upgrade,
        )
        for revision in project.release.pending(plan.upgraded_from)
    ]


def functions_in_new_defaults(pending: Sequence[Pending]) -> set[str]:
    """Return the names of the functions that column defaults of the new schemas call."""
    return {
        name
        for revision in pending
        for _, properties in revision.after.of_kind("column")
        if "default" in properties
        for name in calls(str(properties["default"]))
    }


def refuse_hazards(plan: EnvironmentPlan) -> None:
    """Raise HazardsNotAllowed if a revision of the plan does not allow one of its hazards."""
    disallowed = [hazard for hazard in plan.hazards if not hazard.allowed]
    if not disallowed:
        return
    kinds = list(dict.fromkeys(hazard.kind for hazard in disallowed))
    raise HazardsNotAllowed(
        plan.environment,
        " ".join(f"{hazard}. {hazard.why}" for hazard in disallowed).rstrip("."),
        "\n".join(dict.fromkeys(hazard.instead for hazard in disallowed)),
        "allow_hazards = {" + ", ".join(f'"{kind}": "…"' for kind in kinds) + "}",
    )
