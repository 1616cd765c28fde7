"""The rollback of one environment: under its lock, without losing a row, to the exact earlier schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.rows.rows_at_risk import count_rows_at_risk
from wish_rollout.rollout.approval.ledger_guard import refuse_bypassed_gate
from wish_rollout.rollout.execution.ledger_recording import NOBODY, Actor, Recorder
from wish_rollout.rollout.execution.migration import Migrated
from wish_rollout.rollout.execution.rollout_lock import rollout_mutex
from wish_rollout.rollout.execution.script_execution import Checks, run_scripts
from wish_rollout.rollout.planning.rollback_plan import plan_rollback_on, refuse_rows_at_risk, tables_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target


def rollback_environment(
    project: Project, target: Target, to: str | None = None, *, actor: Actor = NOBODY
) -> Migrated:
    """Roll one environment back to a revision, and record that in its ledger.

    ``to``: the revision (``base`` for none); by default the parent of the current one. ``actor``: the requester;
    its gatekeeper decides about the plan that is computed again under the lock.

    Raises RolloutLockHeld, ForeignRevision, SchemaDrifted, RollbackLosesRows, InvalidRollbackTarget,
    AlreadyAtRevision, UnknownRevision, the gatekeeper's errors, LedgerWriteFailed, StatementFailed, ScriptFailed;
    and ApproversNotConfigured for a gated environment if the actor has no gatekeeper.
    """
    actor.refuse_without_gatekeeper(target)
    with target.connect() as connection, rollout_mutex(target, connection):
        plan, seen = plan_rollback_on(project, target, connection, to)
        project = project.for_server(seen.facts.major)
        refuse_bypassed_gate(connection, target.environment, seen.facts, target.scope.version_table)
        after = (
            plan.resumed_fingerprint
            or plan.promised.apply(project.without_runtime_partitions(seen.snapshot)).fingerprint
        )
        recorder = Recorder(
            target, connection, plan, actor, after, fingerprinted=project.without_runtime_partitions
        )
        recorder.ask()
        revisions = downgrade(project, recorder, seen)
        return Migrated.of(recorder, after, revisions)


def downgrade(project: Project, recorder: Recorder, seen: DatabaseState) -> list[str]:
    """Run the downgrades in a transaction that first checks that no row is lost."""
    target, connection, plan = recorder.target, recorder.connection, recorder.plan
    refuse = refuse_loss(target.name, connection, plan.promised, project.history.at(plan.end))
    return run_scripts(project, recorder, seen, "down", Checks(each=refuse)).revisions


def refuse_loss(
    environment: str, connection: psycopg.Connection[Any], promised: Delta, after: Snapshot
) -> Callable[[], None]:
    """Return the check that runs in the downgrade's transaction, under locks that block new rows."""
    return lambda: refuse_rows_at_risk(
        environment, count_rows_at_risk(connection, promised, tables_of(after))
    )
