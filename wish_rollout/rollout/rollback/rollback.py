"""The rollback of one environment: under its lock, to the exact earlier schema; what it would destroy is archived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.plan.action import Action
from wish_rollout.postgres.records.interrupted_acts import take_over_statements
from wish_rollout.rollout.approval.ledger_guard import refuse_bypassed_gate
from wish_rollout.rollout.execution.act_checks import Checks
from wish_rollout.rollout.execution.ledger_recording import NOBODY, Actor, Recorder
from wish_rollout.rollout.execution.migration import Migrated
from wish_rollout.rollout.execution.rollout_lock import rollout_mutex
from wish_rollout.rollout.execution.script_execution import run_scripts
from wish_rollout.rollout.planning.act_names import journal_act_name
from wish_rollout.rollout.planning.plan_comparison import refuse_changed
from wish_rollout.rollout.planning.rollbacks.rollback_plan import plan_rollback_on
from wish_rollout.rollout.rollback.remedy_execution import run_remedy
from wish_rollout.rollout.rollback.rollback_archive import RollbackArchive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


def rollback_environment(
    project: Project,
    target: Target,
    to: str | None = None,
    *,
    planned: Mapping[str, Any] | None = None,
    actor: Actor = NOBODY,
) -> Migrated:
    """Roll one environment back to a revision, and record that in its ledger.

    ``to``: the revision (``base`` for none); by default the parent of the current one. ``planned``: the signed fields of
    the plan that was shown before; only by it, the remedy can be executed instead of the downgrades. ``actor``: the
    requester; its gatekeeper decides about the plan that is computed again under the lock.

    Raises RolloutLockHeld, PlanChanged, what ``plan_rollback_on`` and the gatekeeper raise, RollbackLosesRows,
    ArchiveNotWritable, ArchiveNeedsKey, LedgerWriteFailed, StatementFailed, ScriptFailed; and ApproversNotConfigured for
    a gated environment if the actor has no gatekeeper.
    """
    actor.refuse_without_gatekeeper(target)
    by_remedy = planned is not None and planned["action"] == Action.ROLLBACK_BY_REMEDY
    with target.connect() as connection, rollout_mutex(target, connection):
        plan, seen = plan_rollback_on(project, target, connection, to, by_remedy=by_remedy)
        project = project.for_server(seen.facts.major)
        refuse_bypassed_gate(connection, target.environment, seen.facts, target.scope.version_table)
        after = (
            plan.resumed_fingerprint
            or plan.promised.apply(project.fingerprinted_part(seen.snapshot)).fingerprint
        )
        recorder = Recorder(target, connection, plan, actor, after, fingerprinted=project.fingerprinted_part)
        refuse_changed(plan, planned)
        recorder.ask()
        if plan.half_done:
            take_over_statements(connection, journal_act_name(project, plan), after)
        revisions = downgrade(project, recorder, seen)
        return Migrated.of(recorder, after, revisions)


def downgrade(project: Project, recorder: Recorder, seen: DatabaseState) -> list[str]:
    """Run the downgrades, or the remedy, in transactions that first archive what they destroy."""
    archive = RollbackArchive(recorder)
    checks = Checks(
        each=archive.before_revision,
        completed=archive.after_scripts,
        recorded=archive.after_ledger,
        again=archive.refresh,
    )
    try:
        archive.prepare()
        if recorder.plan.action is Action.ROLLBACK_BY_REMEDY:
            return run_remedy(project, recorder, seen, checks)
        return run_scripts(project, recorder, seen, "down", checks).revisions
    finally:
        archive.drop_prepared()
