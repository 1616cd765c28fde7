"""Taking a release back: under the lock, losing no row, and ending exactly where it was before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from wish_rollout.core.delta import difference
from wish_rollout.core.plan_errors import Drifted, NothingToRollBack, RowsInTheWay
from wish_rollout.core.release import Position, say
from wish_rollout.core.release_errors import UnknownRevision
from wish_rollout.postgres.locks import rollout_lock
from wish_rollout.postgres.sighting import look
from wish_rollout.postgres.stake import rows_at_stake
from wish_rollout.rollout.acting import Migrated
from wish_rollout.rollout.planning import brief, plan_for, refuse_foreign

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from wish_rollout.core.delta import Delta
    from wish_rollout.core.release import Release
    from wish_rollout.core.snapshot import Snapshot
    from wish_rollout.rollout.project import Project, Target


def rollback_environment(project: Project, target: Target, to: str | None = None) -> Migrated:
    """Take one environment back to a revision (``base`` for none; default: one back).

    Raises LockHeld, ForeignRevision, Drifted, RowsInTheWay, NothingToRollBack, UnknownRevision, StatementFailed,
    ScriptFailed.
    """
    with (
        target.connect() as mutex,
        rollout_lock(mutex, target.name, target.environment.lock_wait),
        target.connect() as connection,
    ):
        seen = look(connection, target.scope)
        plan = plan_for(project, target.environment, seen)
        refuse_foreign(target.environment, plan.start, project)
        start = plan.start
        end = destination(project.release, start, to, target.name)
        if drift := difference(project.history.at(start), project.count(seen.snapshot).snapshot):
            raise Drifted(target.name, say(start), brief(drift))
        promised = project.history.promised(start, end)
        started = time.perf_counter()
        revisions = downgrade(project, target, connection, end, promised)
        return Migrated(
            environment=target.name,
            action="rollback",
            start=list(start),
            end=list(end),
            revisions=revisions,
            before=plan.fingerprint,
            expected=promised.apply(seen.snapshot).fingerprint,
            release_digest=plan.release_digest,
            plan_digest=plan.digest,
            seconds=time.perf_counter() - started,
        )


def destination(release: Release, start: Position, to: str | None, environment: str) -> Position:
    """Find where a rollback leads: the named revision, which must be behind ``start``, or one back."""
    if to is None:
        if not start:
            raise NothingToRollBack(environment, "base", "before base")
        return release.revision(start[-1]).parents[:1]
    if to == "base":
        end: Position = ()
    elif to in {revision.id for revision in release.revisions}:
        end = (to,)
    else:
        raise UnknownRevision(to, ", ".join(["base", *(revision.id for revision in release.revisions)]))
    if end == start or not release.ancestors(start) >= release.ancestors(end):
        raise NothingToRollBack(environment, say(start), say(end))
    return end


def downgrade(
    project: Project, target: Target, connection: psycopg.Connection[Any], end: Position, promised: Delta
) -> list[str]:
    """Run the downgrades, in a transaction that first makes sure that no row is lost."""
    from wish_rollout.revisions.driver import migrate

    refuse = refuse_loss(target.name, connection, promised, project.history.at(end))
    applied = migrate(project.road(target, connection), end[0] if end else "base", "down", refuse)
    return applied.revisions


def refuse_loss(
    environment: str, connection: psycopg.Connection[Any], promised: Delta, after: Snapshot
) -> Callable[[], None]:
    """Make the check that runs inside the downgrade's transaction, behind locks that let no row in any more."""

    def check() -> None:
        kept = {name for name, _ in after.of_kind("table")}
        stake = rows_at_stake(connection, promised, kept)
        if stake:
            raise RowsInTheWay(environment, ", ".join(f"{rows} in {place}" for place, rows in stake.items()))

    return check
