"""The plan of a rollback: where it leads, and what stops it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.errors.plans import (
    AlreadyAtRevision,
    SchemaDrifted,
    InvalidRollbackTarget,
    RollbackAcrossMerge,
    RollbackLosesRows,
)
from wish_rollout.core.errors.releases import UnknownRevision
from wish_rollout.core.plan.plan import Action
from wish_rollout.core.release.release import Position, say
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import brief
from wish_rollout.postgres.catalog.database_state import look
from wish_rollout.postgres.records.journal import cut_off
from wish_rollout.postgres.rows.rows_at_risk import count_rows_at_risk
from wish_rollout.rollout.planning.hazard_assessment import add_hazards
from wish_rollout.rollout.planning.plans import plan_for
from wish_rollout.rollout.planning.refusals import refuse_foreign, refuse_unwritable
from wish_rollout.rollout.planning.shared_databases import refuse_same_database

if TYPE_CHECKING:
    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.release.release import Release
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target


EARLY_COUNT_TIMEOUT_MS = 10_000


def plan_rollback(project: Project, target: Target, to: str | None) -> EnvironmentPlan:
    """Look at one environment and plan a rollback of it, hazards included; raise why it cannot be."""
    with target.connect() as connection:
        return plan_rollback_on(project, target, connection, to)[0]


def plan_feasible_rollback(project: Project, target: Target, to: str | None) -> EnvironmentPlan:
    """Do the same, and raise already what would stop it behind its gate: nobody is asked for what cannot be done."""
    with target.connect() as connection:
        plan, seen = plan_rollback_on(project, target, connection, to)
        refuse_unwritable(target.environment, plan, project, seen)
        if not plan.resumes:  # what is under way may have lost what would be counted
            refuse_row_loss_early(target.name, connection, plan.promised, project.history.at(plan.end))
    return plan


def plan_rollback_on(
    project: Project, target: Target, connection: psycopg.Connection[Any], to: str | None
) -> tuple[EnvironmentPlan, DatabaseState]:
    """Do the same over a session in autocommit that the caller holds; give what was seen as well."""
    seen = look(connection, target.scope)
    refuse_same_database(project, {target.name: seen.facts.instance})
    resumed = cut_off(connection, f"{project.release_digest} down ")
    if resumed and to is None:
        to = resumed[0]
    resumes = resumed[1] if resumed and resumed[0] == to else ""
    return add_hazards(project, connection, plan_rollback_from_state(project, target, seen, to, resumes)), seen


def plan_rollback_from_state(
    project: Project, target: Target, seen: DatabaseState, to: str | None, resumes: str = ""
) -> EnvironmentPlan:
    """Plan a rollback from what was seen, but for its hazards; raise why it cannot be.

    ``resumes``: where this rollback was cut off on its way, the fingerprint that it has to lead to.
    """
    forth = plan_for(project, target.environment, seen)
    refuse_foreign(target.environment, forth.start, project)
    end = destination(project.release, forth.start, to, target.name)
    drift = difference(project.history.at(forth.start), project.count(seen.snapshot).snapshot)
    if drift and not resumes:
        raise SchemaDrifted(target.name, say(forth.start), brief(drift))
    back = project.release.revisions_to_revert(forth.start, end)
    for revision in back:
        if len(revision.parents) > 1:
            raise RollbackAcrossMerge(target.name, revision.id, " and ".join(revision.parents))
    return replace(
        forth,
        action=Action.ROLLBACK,
        end=end,
        pending=tuple(f"{revision.id} {revision.message}".strip() for revision in back),
        statements=tuple(text for each in back for text in project.history.record(each.id).downgrade),
        promised=project.history.promised(forth.start, end),
        obstacles=(),
        resumes=resumes,
    )


def destination(release: Release, start: Position, to: str | None, environment: str) -> Position:
    """Find where a rollback leads: the named revision, which must be behind ``start``, or one back."""
    if to is None:
        if not start:
            raise InvalidRollbackTarget(environment, "base", "before base")
        return release.revision(start[-1]).parents
    if to == "base":
        end: Position = ()
    elif to in {revision.id for revision in release.revisions}:
        end = (to,)
    else:
        raise UnknownRevision(to, ", ".join(["base", *(revision.id for revision in release.revisions)]))
    if end == start:
        raise AlreadyAtRevision(environment, say(start))
    if not release.ancestors(start) >= release.ancestors(end):
        raise InvalidRollbackTarget(environment, say(start), say(end))
    return end


def refuse_row_loss_early(
    environment: str, connection: psycopg.Connection[Any], promised: Delta, after: Snapshot
) -> None:
    """Look, without a lock, for rows that would be lost. What takes too long to find out is found out behind the gate."""
    stake: dict[str, int] = {}
    too_long = (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable)
    with suppress(*too_long), connection.transaction():
        connection.execute(f"set local statement_timeout = {EARLY_COUNT_TIMEOUT_MS}")
        stake = count_rows_at_risk(connection, promised, tables_of(after), lock=False)
    refuse_rows_at_risk(environment, stake)


def tables_of(snapshot: Snapshot) -> set[str]:
    """Return the names of a snapshot's tables."""
    return {name for name, _ in snapshot.of_kind("table")}


def refuse_rows_at_risk(environment: str, stake: dict[str, int]) -> None:
    """Raise ``RollbackLosesRows`` if any row would be lost."""
    if stake:
        raise RollbackLosesRows(environment, ", ".join(f"{rows} in {place}" for place, rows in stake.items()))
