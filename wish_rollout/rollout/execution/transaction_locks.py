"""Take the measured locks of each transaction before its first statement that blocks queries."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from psycopg.pq import TransactionStatus

from wish_rollout.core.errors.hazards import LocksUnavailable
from wish_rollout.core.plan.budgets import is_concurrent
from wish_rollout.core.release.measurements import statement_digest
from wish_rollout.core.release.statement_repeatability import only_defines_objects
from wish_rollout.core.release.table_locks import merge_locks
from wish_rollout.postgres.execution.blocker_forecast import describe_lock_holders
from wish_rollout.postgres.execution.lock_acquisition import LockLimits, take_locks
from wish_rollout.postgres.execution.lock_requests import prepare_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wish_rollout.core.release.measurements import LockSequence, StatementMeasurement
    from wish_rollout.core.release.table_locks import TableLock
    from wish_rollout.revisions.statements.run_hooks import Sent
    from wish_rollout.rollout.execution.attempts import Execution

ATTEMPT_SECONDS = 5.0
"""After that, the attempt ends, and the next one reads the schema and asks at the gate again."""
SHORTEST_SECONDS = 0.5
"""At least so long are locks requested, also with ``retry_for = 0``."""


class TransactionLocks:
    """The locks of one attempt.

    ``sequence``: what was measured of the statements that come. ``has_transaction_per_revision``: whether the
    transaction ends with each revision. ``again``: the command that runs the release again, for errors.
    """

    def __init__(
        self,
        execution: Execution,
        sequence: LockSequence,
        has_transaction_per_revision: Callable[[], bool],
        again: str,
    ) -> None:
        self.execution = execution
        self.connection = execution.connection
        self.sequence = sequence
        self.has_transaction_per_revision = has_transaction_per_revision
        self.again = again
        self.before_waiting: Callable[[], None] = _do_nothing
        self._revision = ""
        self._measurement: StatementMeasurement | None = None
        self._held_since: float | None = None
        execution.holds_locks = False

    def begin_revision(self, revision: str) -> None:
        """Note which revision runs next."""
        self._revision = revision

    def begin_statement(self, sent: Sent) -> None:
        """Find out what was measured of a statement that a revision sends, whether it will be executed or not."""
        if self.connection.info.transaction_status == TransactionStatus.IDLE:
            self.end_transaction()
        self._measurement = self.sequence.advance(sent.revision, statement_digest(sent.text))

    def take(self, locks: Sequence[TableLock]) -> None:
        """Take locks that were not measured. Raises LocksUnavailable, BlockedSessions."""
        self.execution.require_watchdog()
        self._take(locks)

    def take_for_revision(self) -> None:
        """Take the locks of the whole revision that is about to run. Raises LocksUnavailable, BlockedSessions."""
        self._take(self.sequence.locks_to_take(self._revision, until_end=self._shares_transaction()))

    def take_for_statement(self, sent: Sent) -> None:
        """Take the locks of a statement that is about to be executed, and limit its own waits.

        Call it in the statement's transaction. Raises LocksUnavailable, BlockedSessions.
        """
        found = self._measurement
        blocks = found is None or found.locks is None or found.blocks_queries
        if blocks:
            self.execution.require_watchdog()
        if found and found.blocks_queries and self._held_since is None:
            locks = (
                merge_locks(found.locks or ())
                if found.outside
                else self.sequence.locks_to_take(sent.revision, until_end=self._shares_transaction())
            )
            self._take(locks)
        if blocks and self._held_since is None and not (sent.outside and is_concurrent(sent.statement)):
            self._hold()
        holds = self._held_since is not None
        budget = self.execution.budgets.of(
            sent.statement, outside=sent.outside, may_queue=not blocks and not holds, holds_locks=holds
        )
        self.execution.set_limits(budget, lasting=sent.again and sent.outside)
        if sent.outside or not only_defines_objects(sent.statement):
            self.execution.transaction_limits = None

    def end_transaction(self) -> None:
        """Note that the locks are about to be released."""
        if self._held_since is not None:
            held = (time.monotonic() - self._held_since) * 1000
            waits = self.execution.lock_waits
            waits.longest_held_ms = max(waits.longest_held_ms, held)
        self._held_since, self.execution.holds_locks = None, False

    def _shares_transaction(self) -> bool:
        return not self.has_transaction_per_revision()

    def _take(self, locks: Sequence[TableLock]) -> None:
        request = prepare_request(self.connection, locks)
        if self._held_since is not None or not request.blocks_queries:
            return
        self.before_waiting()
        execution, started = self.execution, time.monotonic()
        limits = LockLimits(
            longest_wait_ms=execution.budgets.longest_wait_ms,
            reserve_ms=execution.budgets.transaction.lock_ms,
            seconds=max(SHORTEST_SECONDS, min(ATTEMPT_SECONDS, execution.seconds_left)),
        )
        with execution.progress.activity(f"requesting the locks: {', '.join(map(str, request.locks))}"):
            taken = take_locks(
                self.connection, request, execution.lock_waits, limits, execution.refuse_blocking
            )
        if not taken:
            raise self._unavailable(request.locks, time.monotonic() - started)
        self._hold()
        # the requests have limited the transaction's statements to the milliseconds that were left to wait
        execution.forget_limits()
        execution.set_limits(execution.budgets.of("", outside=False, holds_locks=True), lasting=False)

    def _hold(self) -> None:
        self._held_since, self.execution.holds_locks = time.monotonic(), True

    def _unavailable(self, locks: Sequence[TableLock], seconds: float) -> LocksUnavailable:
        tables = sorted({(lock.schema, lock.table) for lock in locks})
        return LocksUnavailable(
            self.execution.target.name,
            ", ".join(map(str, locks)),
            seconds,
            self.execution.lock_waits.requests,
            describe_lock_holders(self.connection, tables),
            "The open transaction was rolled back.",
            self.again,
        )


def _do_nothing() -> None:
    pass
