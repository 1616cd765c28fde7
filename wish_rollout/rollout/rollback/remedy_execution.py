"""Executes the remedy of a rollback: in one transaction, within budgets, with the locks of its tables taken first."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from wish_rollout.core.errors.planning.rollback_remedies import RollbackRemedyFailed, RollbackRemedyTimedOut
from wish_rollout.core.hazards.touched_tables import locked
from wish_rollout.core.plan.rollback_command import rollback_command
from wish_rollout.core.release.measurements import LockSequence
from wish_rollout.core.release.release import format_position
from wish_rollout.core.release.table_locks import LockMode, TableLock
from wish_rollout.core.text.sql_tokens import split_name
from wish_rollout.postgres.records.journal import Journal
from wish_rollout.postgres.records.version_table import set_revisions
from wish_rollout.postgres.sessions.connections import cancel
from wish_rollout.postgres.sessions.server_errors import as_rollout_error
from wish_rollout.postgres.sessions.session_limits import set_session_limits
from wish_rollout.rollout.execution.attempts import Execution
from wish_rollout.rollout.execution.blocking_transactions import wait_for_blocking_transactions
from wish_rollout.rollout.execution.commit_verification import CommitVerification
from wish_rollout.rollout.execution.promised_schemas import PromisedSchemas
from wish_rollout.rollout.execution.retryable_errors import CANCELED, LOCK_NOT_AVAILABLE
from wish_rollout.rollout.execution.transaction_locks import TransactionLocks
from wish_rollout.rollout.planning.act_names import journal_act_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.errors.base import RolloutError
    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.execution.act_checks import Checks
    from wish_rollout.rollout.execution.ledger_recording import Recorder
    from wish_rollout.rollout.project.project import Project

REMEDY = "(remedy)"
SHOWN = 500
"""So many characters of a statement are shown."""


def run_remedy(project: Project, recorder: Recorder, seen: DatabaseState, checks: Checks) -> list[str]:
    """Execute the remedy of a recorded rollback, and return the revisions that it takes back.

    ``seen``: the state of the database that the plan was made from. ``checks.each`` is called before the first
    statement. Raises RollbackRemedyFailed, RollbackRemedyTimedOut, CommitRefused, BlockedSessions,
    BlockingTransactionsOpen, LocksUnavailable.
    """
    execution = Execution(recorder.target, recorder.connection, report=recorder.actor.report)
    with execution.watched():
        execution.watchdog.start()
        wait_for_blocking_transactions(execution, recorder.plan)
        promised = PromisedSchemas(project, recorder.plan, seen)
        return execution.run(_Attempts(promised, recorder, execution, checks).attempt)


@dataclass(frozen=True)
class _Attempts:
    promised: PromisedSchemas
    recorder: Recorder
    execution: Execution
    checks: Checks

    @property
    def plan(self) -> EnvironmentPlan:
        return self.recorder.plan

    @property
    def again(self) -> str:
        plan = self.plan
        return rollback_command(plan.environment, plan.action, format_position(plan.end))

    def attempt(self) -> list[str]:
        """Execute everything in one transaction, which is rolled back if something fails."""
        recorder, connection = self.recorder, self.recorder.connection
        recorder.notes = self._notes
        if self.execution.tries > 1 and self.checks.again:
            self.checks.again()
        recorder.resume()
        verification = CommitVerification(recorder, self.promised, self.again, resumed=False)
        locks = TransactionLocks(self.execution, LockSequence(()), lambda: False, self.again)
        try:
            with self._errors_explained(), connection.transaction():
                set_session_limits(connection, self.execution.budgets.of("", outside=False))
                recorder.first()
                verification.begin()
                verification.begin_transaction()
                locks.take(locks_of(self.plan))
                if self.checks.each:
                    self.checks.each()
                self._execute_statements()
                return self._finish(verification)
        finally:
            locks.end_transaction()

    def _execute_statements(self) -> None:
        total = len(self.plan.statements)
        with self._role():
            for number, text in enumerate(self.plan.statements, start=1):
                self.execution.before_statement(text, outside=False)
                with self.execution.progress.statement(REMEDY, number, total, text):
                    self._execute(text)

    def _execute(self, text: str) -> None:
        try:
            self.recorder.connection.execute(text.encode())
        except psycopg.Error as error:
            raise self._explained(error, text) from None
        except BaseException:  # Ctrl-C, or the run was cancelled
            cancel(self.recorder.connection)
            raise

    @contextmanager
    def _role(self) -> Iterator[None]:
        """Execute as the environment's migrator, which owns what the remedy creates."""
        connection, migrator = self.recorder.connection, self.recorder.target.scope.migrator
        if not migrator or migrator == self.plan.facts.role:
            yield
            return
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(migrator)))
        yield
        connection.execute("set local role none")

    def _finish(self, verification: CommitVerification) -> list[str]:
        """Move the version row, complete the archive, verify what changed, and write the ledger row.

        The journal of an interrupted release is deleted: what its statements had done is taken back.
        """
        project, recorder = self.promised.project, self.recorder
        journal = Journal(recorder.connection, journal_act_name(project, self.plan), recorder.after)
        if journal.read() or journal.has_other_rows:
            journal.delete_rows()
        set_revisions(recorder.connection, project.config.release.version_table, self.plan.end)
        if self.checks.completed:
            self.checks.completed()
        reverted = project.release.revisions_to_revert(self.plan.start, self.plan.end)
        for revision in reverted:
            verification.end_revision(revision.id)
        verification.verify()
        self.execution.verified_ms = verification.milliseconds
        recorder.last()
        if self.checks.recorded:
            self.checks.recorded()
        return [revision.id for revision in reverted]

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """Convert what the archive, the version table or the ledger meets; a cancelled or blocked attempt is repeated."""
        try:
            yield
        except psycopg.Error as error:
            raise self._explained(error, "(archive)") from error

    def _explained(self, error: psycopg.Error, text: str) -> RolloutError:
        if self.recorder.connection.closed:
            return as_rollout_error(error, self.plan.environment)
        is_limited = error.sqlstate in (CANCELED, LOCK_NOT_AVAILABLE)
        return (RollbackRemedyTimedOut if is_limited else RollbackRemedyFailed)(
            self.plan.environment,
            REMEDY,
            error.sqlstate or "none",
            (error.diag.message_primary or str(error)).strip(),
            " ".join(text.split())[:SHOWN],
            "Everything was rolled back, and nothing was changed.",
            self.again,
        )

    def _notes(self) -> dict[str, Any]:
        """Return what the ledger records: the statements, and how they were executed."""
        texts = self.plan.statements
        digest = hashlib.sha256("".join(f"{len(text.encode())}:{text}" for text in texts).encode())
        statements = {"count": len(texts), "sha256": digest.hexdigest()}
        return {"statements": statements, **self.execution.notes()}


def locks_of(plan: EnvironmentPlan) -> list[TableLock]:
    """Return the locks of all tables that the statements of a remedy change or name."""
    names = (split_name(name) for name in locked(plan.statements, plan.promised))
    return [
        TableLock(schema, table, LockMode.ACCESS_EXCLUSIVE)
        for schema, table in sorted({name for name in names if len(name) == 2})
    ]
