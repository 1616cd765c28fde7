"""Runs the scripts of an act: within budgets, with its locks taken first, and each statement once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg.pq import TransactionStatus

from wish_rollout.core.errors.statements import StatementFailed, StatementFailedAfterCommit
from wish_rollout.core.plan.action import ROLLBACKS
from wish_rollout.core.plan.rollback_command import rollback_command
from wish_rollout.core.release.release import format_position
from wish_rollout.postgres.records.journal import Journal
from wish_rollout.postgres.sessions.connections import cancel
from wish_rollout.revisions.statements.run_hooks import Hooks
from wish_rollout.rollout.execution.act_checks import NO_CHECKS, Checks
from wish_rollout.rollout.execution.attempts import Execution
from wish_rollout.rollout.execution.blocking_transactions import wait_for_blocking_transactions
from wish_rollout.rollout.execution.commit_verification import CommitVerification
from wish_rollout.rollout.execution.planned_statements import lock_sequence
from wish_rollout.rollout.execution.promised_schemas import PromisedSchemas
from wish_rollout.rollout.execution.statement_checks import guard_for, notes_on_other_statements
from wish_rollout.rollout.execution.statement_journal import Journaling
from wish_rollout.rollout.execution.transaction_locks import TransactionLocks
from wish_rollout.rollout.planning.act_names import journal_act_name

if TYPE_CHECKING:
    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.revisions.runs.script_steps import Direction
    from wish_rollout.revisions.statements.applied_revisions import Applied
    from wish_rollout.revisions.statements.run_hooks import Sent
    from wish_rollout.rollout.execution.ledger_recording import Recorder
    from wish_rollout.rollout.project.project import Project


def run_scripts(
    project: Project,
    recorder: Recorder,
    seen: DatabaseState,
    direction: Direction,
    checks: Checks = NO_CHECKS,
) -> Applied:
    """Run the scripts of a recorded act to the end of its plan, and return what was applied.

    ``seen``: the state of the database that the plan was made from. Raises StatementFailed, CommitRefused,
    StatementFailedAfterCommit, ScriptFailed, BlockedSessions, BlockingTransactionsOpen, LocksUnavailable, ScriptUnreadable.
    """
    project.scripts.load()  # takes time, and must not do so in the transaction
    execution = Execution(recorder.target, recorder.connection, report=recorder.actor.report)
    recorder.notes = execution.notes
    with execution.watched():
        if lock_sequence(project, recorder.plan).needs_watchdog:
            execution.watchdog.start()
        wait_for_blocking_transactions(execution, recorder.plan)
        promised = PromisedSchemas(project, recorder.plan, seen)
        return execution.run(lambda: _attempt(promised, recorder, execution, direction, checks))


def _attempt(
    promised: PromisedSchemas,
    recorder: Recorder,
    execution: Execution,
    direction: Direction,
    checks: Checks,
) -> Applied:
    """Run the scripts once; statements that an earlier attempt or run has finished are skipped."""
    from wish_rollout.revisions.runs.script_runs import migrate
    from wish_rollout.revisions.runs.transaction_scope import has_transaction_per_revision

    project, plan = promised.project, recorder.plan
    target, connection = recorder.target, recorder.connection
    if execution.tries > 1:
        connection.execute("reset role")
        connection.execute("discard temp")
        if checks.again:
            checks.again()
    recorder.resume()
    journal = Journal(connection, journal_act_name(project, plan), recorder.after)
    sequence = lock_sequence(project, plan)
    again = command_to_continue(plan)
    locks = TransactionLocks(execution, sequence, has_transaction_per_revision, again)
    journaling = Journaling(journal, active=journal.read(), before_execution=locks.take_for_statement)
    if execution.tries == 1 and not plan.drift:
        execution.doubtful = set(journal.finished)
    journaling.doubt(execution.doubtful, project.history.at(plan.upgraded_from))
    try:
        resumed = journaling.active or execution.tries > 1
        finished = frozenset(journal.finished)
        recorder.guard = guard_for(project, target, plan, resumed=resumed, finished=finished)
        recorder.guard.before_driver_call = execution.forget_limits
        verification = CommitVerification(recorder, promised, again, resumed=resumed)
        hooks = _Attempt(recorder, execution, journaling, locks, checks, verification).hooks()
        applied = migrate(project.script_run(target, connection), plan.end or ("base",), direction, hooks)
        for note in notes_on_other_statements(recorder.guard):
            execution.progress.note(note)
        return applied  # noqa: TRY300  (the notes belong to this attempt)
    except StatementFailed as error:
        if not journaling.active:
            raise
        raise StatementFailedAfterCommit(**error.as_dict(), again=again) from error


def command_to_continue(plan: EnvironmentPlan) -> str:
    """Return the command that continues an act."""
    if plan.action in ROLLBACKS:
        return rollback_command(plan.environment, plan.action, format_position(plan.end))
    return "wish-rollout apply"


@dataclass(frozen=True)
class _Attempt:
    """The hooks of one attempt."""

    recorder: Recorder
    execution: Execution
    journaling: Journaling
    locks: TransactionLocks
    checks: Checks
    verification: CommitVerification

    def hooks(self) -> Hooks:
        return Hooks(
            first=self.begin,
            early=self.recorder.early,
            last=self.finish,
            step=self.begin_revision,
            each=self.check_revision,
            completed=self.verification.end_revision,
            before=self.execution.before_statement,
            run=self.run,
            committing=self.before_commit,
            guard=self.recorder.guard,
            revisions_to_revert=self.roll_back,
        )

    def begin(self) -> None:
        self.execution.forget_limits()
        self.execution.set_limits(self.execution.budgets.of("", outside=False), lasting=False)
        self.recorder.first()
        if self.checks.first:
            self.checks.first()
        is_first = self.execution.tries == 1 and not self.checks.first
        reading = self.verification.promised.seen.reading if is_first else None
        sequence = self.locks.sequence
        self.verification.begin(reading, others_wait=sequence.needs_watchdog or not sequence.total)

    def begin_revision(self, revision: str) -> None:
        self.locks.begin_revision(revision)
        if self.locks.has_transaction_per_revision():
            self.verification.begin_revision(revision)

    def check_revision(self) -> None:
        self.verification.begin_transaction()
        if self.checks.each:
            self.locks.take_for_revision()
            self.checks.each()

    def run(self, sent: Sent) -> None:
        self.locks.begin_statement(sent)
        if not sent.outside:
            self.verification.begin_transaction()
        self.verification.send(outside=sent.outside)
        position, total = self.locks.sequence.position, self.locks.sequence.total
        try:
            with self.execution.progress.statement(sent.revision, position, total, sent.statement):
                self.journaling.run(sent)
            if sent.outside:
                self.locks.end_transaction()
        except Exception:
            raise
        except BaseException:  # Ctrl-C, or the run was cancelled; SQLAlchemy closes the session at once
            cancel(self.recorder.connection)
            note = "interrupted: the statement was cancelled on the server, and its open transaction is rolled back"
            self.execution.progress.note(note)
            raise

    def before_commit(self) -> None:
        self.recorder.refuse_cluster_changes()
        self.verification.before_commit()
        self.journaling.committing()
        self.locks.end_transaction()

    def roll_back(self) -> None:
        self.journaling.revisions_to_revert()
        self.verification.roll_back()
        self.execution.transaction_limits = None
        self.locks.end_transaction()

    def finish(self) -> None:
        self.journaling.last()
        self.locks.end_transaction()
        if self.checks.completed:
            self.checks.completed()
        if self.recorder.connection.info.transaction_status == TransactionStatus.INTRANS:
            self.verification.verify()
            self.execution.verified_ms = self.verification.milliseconds
        self.recorder.last()
        if self.checks.recorded:
            self.checks.recorded()
