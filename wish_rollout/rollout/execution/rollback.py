"""Taking a release back: under the lock, losing no row, and ending exactly where it was before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.rows.rows_at_risk import count_rows_at_risk
from wish_rollout.rollout.execution.ledger_recording import NOBODY, Actor, Recorder
from wish_rollout.rollout.execution.migration import Migrated
from wish_rollout.rollout.execution.rollout_lock import rollout_mutex
from wish_rollout.rollout.execution.script_execution import Checks, run_scripts
from wish_rollout.rollout.planning.rollback_plan import plan_rollback_on, refuse_rows_at_risk, tables_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target


def rollback_environment(
    project: Project, target: Target, to: str | None = None, *, actor: Actor = NOBODY
) -> Migrated:
    """Take one environment back to a revision (``base`` for none; default: one back), and record it.

    ``actor``: who asked for it; their gatekeeper is asked with the plan as it is under the lock. Raises
    RolloutLockHeld, ForeignRevision, Drifted, RollbackLosesRows, InvalidRollbackTarget, AlreadyAtRevision, UnknownRevision, why the gatekeeper
    does not let it through, LedgerWriteFailed, StatementFailed, ScriptFailed; and ApproversNotConfigured for a gated
    environment and an actor without a gatekeeper.
    """
    actor.refuse_without_gatekeeper(target)
    with target.connect() as connection, rollout_mutex(target, connection):
        plan, seen = plan_rollback_on(project, target, connection, to)
        after = (
            plan.resumed_fingerprint
            or plan.promised.apply(project.without_runtime_partitions(seen.snapshot)).fingerprint
        )
        recorder = Recorder(
            target, connection, plan, actor, after, fingerprinted=project.without_runtime_partitions
        )
        recorder.ask()
        revisions = downgrade(project, recorder)
        return Migrated.of(recorder, after, revisions)


def downgrade(project: Project, recorder: Recorder) -> list[str]:
    """Run the downgrades, in a transaction that first makes sure that no row is lost."""
    target, connection, plan = recorder.target, recorder.connection, recorder.plan
    refuse = refuse_loss(target.name, connection, plan.promised, project.history.at(plan.end))
    end = plan.end[0] if plan.end else "base"
    return run_scripts(project, recorder, end, "down", Checks(each=refuse)).revisions


def refuse_loss(
    environment: str, connection: psycopg.Connection[Any], promised: Delta, after: Snapshot
) -> Callable[[], None]:
    """Make the check that runs inside the downgrade's transaction, behind locks that let no row in any more."""
    return lambda: refuse_rows_at_risk(
        environment, count_rows_at_risk(connection, promised, tables_of(after))
    )
