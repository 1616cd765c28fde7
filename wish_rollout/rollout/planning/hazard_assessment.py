"""Hazards of a plan on the current database, with the reasons of the revisions that allow them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.hazards import HazardsNotAllowed
from wish_rollout.core.hazards.assessment import judge_hazards
from wish_rollout.core.hazards.pending_revision import PendingRevision
from wish_rollout.core.hazards.rules.table_rewrite import calls
from wish_rollout.core.hazards.touched_tables import find_touched_tables
from wish_rollout.core.plan.plan import Action, EnvironmentPlan
from wish_rollout.postgres.rows.table_statistics import LiveQuestions, read_live_facts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import psycopg

    from wish_rollout.core.hazards.hazard import Hazard
    from wish_rollout.rollout.project.project import Project


def add_hazards(
    project: Project, connection: psycopg.Connection[Any], plan: EnvironmentPlan
) -> EnvironmentPlan:
    """Return the plan with its hazards.

    ``connection``: in autocommit mode; it is only read from. Objects that are dropped before the migration
    (``Action.CLEAN``) are ignored. Raises InvalidHazardAllowance.
    """
    if plan.action not in (Action.UPGRADE, Action.CLEAN, Action.ROLLBACK) or not plan.pending:
        return plan
    from wish_rollout.revisions.hazard_allowances import allowances

    pending = pending_revisions(project, plan)
    cleaned = {each.name for each in plan.conflicting_objects} if plan.action is Action.CLEAN else set()
    allowed = {revision.revision: allowances(project.scripts, revision.revision) for revision in pending}
    return replace(plan, hazards=assess_hazards(connection, pending, allowed, cleaned))


def assess_hazards(
    connection: psycopg.Connection[Any],
    pending: Sequence[PendingRevision],
    allowed: Mapping[str, Mapping[str, str]],
    ignored: Collection[str] = (),
) -> tuple[Hazard, ...]:
    """Return the hazards of revisions on a live database, which is only read from.

    ``allowed``: revision → kind → reason. ``ignored``: names of objects that are dropped before. ``connection``: in
    autocommit mode.
    """
    questions = LiveQuestions(
        tables=set().union(*(find_touched_tables(revision) for revision in pending)) - set(ignored),
        indexes=_names(pending, "index") - set(ignored),
        functions=functions_in_new_defaults(pending),
        sequences=_names(pending, "sequence") - set(ignored),
        identity_columns={
            name for each in pending for name, column in each.before.of_kind("column") if "identity" in column
        },
        statements=[text for revision in pending for text in revision.statements],
    )
    return judge_hazards(pending, read_live_facts(connection, questions), allowed)


def _names(pending: Sequence[PendingRevision], kind: str) -> set[str]:
    return {name for revision in pending for each, name in revision.before.objects if each == kind}


def pending_revisions(project: Project, plan: EnvironmentPlan) -> list[PendingRevision]:
    """Return each revision that the plan upgrades or downgrades, with the schemas before and after it."""
    history = project.history
    if plan.action is Action.ROLLBACK:
        return [
            PendingRevision(
                revision.id,
                history.at((revision.id,)),
                history.at(tuple(sorted(revision.parents))),
                history.record((revision.id,)).downgrade,
                project.measurements.of(revision).downgrade,
            )
            for revision in project.release.revisions_to_revert(plan.start, plan.end)
        ]
    return [
        PendingRevision(
            revision.id,
            history.at(tuple(sorted(revision.parents))),
            history.at((revision.id,)),
            history.record((revision.id,)).upgrade,
            project.measurements.of(revision).upgrade,
        )
        for revision in project.release.pending(plan.start)
    ]


def functions_in_new_defaults(pending: Sequence[PendingRevision]) -> set[str]:
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
