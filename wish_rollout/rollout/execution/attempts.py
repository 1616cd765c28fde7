"""Attempts of a migration: each runs within budgets and is watched, and the next one follows if it blocked others."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg.pq import TransactionStatus

from wish_rollout.core.errors.hazards import (
    BlockedSessions,
    LocksUnavailable,
    WatchdogMissing,
)
from wish_rollout.core.errors.statements import StatementFailed
from wish_rollout.postgres.execution.lock_acquisition import LockWaits
from wish_rollout.postgres.execution.watchdog import Watchdog
from wish_rollout.postgres.sessions.bounded_connection import BoundedConnection
from wish_rollout.postgres.sessions.session_limits import set_client_checks, set_session_limits
from wish_rollout.rollout.execution.ledger_recording import ignore
from wish_rollout.rollout.execution.progress import Progress
from wish_rollout.rollout.execution.retryable_errors import is_cancelled, only_lacks_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from wish_rollout.core.plan.budgets import Budget, Budgets
    from wish_rollout.postgres.records.journal import StatementKey
    from wish_rollout.rollout.execution.retryable_errors import Retryable
    from wish_rollout.rollout.servers.target import Target

Result = TypeVar("Result")
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
"""Seconds after an attempt that made other sessions wait for its work."""
LONGEST_PAUSE_FOR_LOCKS = 2.0
"""Seconds after an attempt that only did not get a lock: it made others wait for ``longest_wait_ms`` at most."""


@dataclass
class Execution:
    """The attempts of one migration on a session.

    ``tries``: how many there were; ``paused``: seconds between them. ``lock_waits``: how its locks were taken.
    ``doubtful``: statements that an earlier run had finished, although the schema is as if it had not.
    ``lasting_limits``: the session's limits, if a script cannot have changed them; ``transaction_limits``: those of the open
    transaction. ``holds_locks``: the transaction holds locks that may block queries. ``verified_ms``: the longest
    verification before a commit.
    """

    target: Target
    connection: psycopg.Connection[Any]
    tries: int = 0
    paused: float = 0
    lock_waits: LockWaits = field(default_factory=LockWaits)
    doubtful: set[StatementKey] = field(default_factory=set)
    report: Callable[[str], None] = ignore
    lasting_limits: Budget | None = None
    transaction_limits: Budget | None = None
    holds_locks: bool = False
    verified_ms: float = 0
    started: float = field(default_factory=time.monotonic)

    @cached_property
    def budgets(self) -> Budgets:
        """The budgets of the environment."""
        return self.target.environment.budgets.budgets

    @cached_property
    def watchdog(self) -> Watchdog:
        """The watchdog of the session. Its process is started when it is needed for the first time."""
        return Watchdog(self.connection, self.budgets.blocked, self.budgets.blocked_ms)

    @cached_property
    def progress(self) -> Progress:
        """Reports what the migration does."""
        return Progress(self.target.name, self.report, lambda: self.watchdog.blockers)

    @property
    def seconds_left(self) -> float:
        """The seconds for which the migration may still be tried."""
        return self.budgets.retry_for - (time.monotonic() - self.started)

    def run(self, attempt: Callable[[], Result]) -> Result:
        """Run the attempt until it succeeds, and return its result. The attempt must be repeatable.

        An attempt that could not get a lock, met a deadlock, or blocked other sessions is repeated after a random pause
        that becomes longer each time. When ``retry_for`` is over, the error of the last attempt is raised:
        StatementFailed, BlockedSessions, LocksUnavailable.
        """
        self.started, pause = time.monotonic(), FIRST_PAUSE
        while True:
            self.tries += 1
            self.watchdog.begin_attempt()
            try:
                return attempt()
            except (StatementFailed, BlockedSessions, LocksUnavailable) as error:
                longest = LONGEST_PAUSE_FOR_LOCKS if only_lacks_lock(error) else LONGEST_PAUSE
                pause = min(pause * 2, longest) * random.uniform(0.5, 1)  # noqa: S311
                cause = self._as_blocked_sessions(error)
                is_retryable = isinstance(cause, BlockedSessions) or only_lacks_lock(error)
                if not is_retryable or self.seconds_left < pause or self.connection.closed:
                    raise cause from error
                self.progress.note(
                    f"attempt {self.tries}: {error.fill(error.summary)} Again in {pause:.1f} s."
                )
                time.sleep(pause)
                self.paused += pause

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Let the server and the watchdog end what a worker leaves behind, while the block runs."""
        set_client_checks(self.connection)
        assert isinstance(self.connection, BoundedConnection)
        before = self.connection.reason_to_give_up
        self.connection.reason_to_give_up = self.watchdog.reason_to_give_up
        try:
            with self.progress.reported():
                yield
        finally:
            self.connection.reason_to_give_up = before
            self.watchdog.stop()

    def require_watchdog(self) -> None:
        """Wait until the session is watched. Raises WatchdogMissing: no statement that may block others runs without."""
        if not self.watchdog.wait_until_watching():
            raise WatchdogMissing(self.target.name, self.watchdog.reason or "it has not started in time")

    def before_statement(self, statement: str, outside: bool, is_in_revision: bool = False) -> None:
        """Set the limits of the next statement. Raises BlockedSessions if others have waited too long already.

        ``is_in_revision``: the limits of the transaction are sufficient, if they are set. TransactionLocks sets those of a
        revision's own statement; what Alembic and our helpers send in between is short, and the watchdog ends its waits.
        """
        self.refuse_blocking()
        is_open = self.connection.info.transaction_status == TransactionStatus.INTRANS
        if is_in_revision and is_open and self.transaction_limits:
            return
        self.transaction_limits = None
        budget = self.budgets.of(statement, outside=outside, holds_locks=self.holds_locks)
        self.set_limits(budget, lasting=outside)

    def set_limits(self, budget: Budget, *, lasting: bool) -> None:
        """Set the limits of the session, unless they are set already.

        ``lasting``: outside of a transaction block, where no rollback restores the previous values.
        """
        if budget != (self.lasting_limits if lasting else self.transaction_limits):
            set_session_limits(self.connection, budget)
        self.lasting_limits, self.transaction_limits = (budget, None) if lasting else (None, budget)

    def forget_limits(self) -> None:
        """Let the limits be set before the next statement, whatever they are."""
        self.lasting_limits = self.transaction_limits = None

    def refuse_blocking(self) -> None:
        """Raise BlockedSessions if the watchdog has found that others wait too long."""
        if self.watchdog.attempts and self.watchdog.attempts[-1].limit_exceeded:
            raise self._blocked_sessions()

    def notes(self) -> dict[str, Any]:
        """Return what the ledger records: attempts and pauses if there were several, locks, and sessions that waited."""
        found: dict[str, Any] = {}
        if self.tries > 1:
            found |= {"attempts": self.tries, "paused_ms": round(self.paused * 1000)}
        if locks := self.lock_waits.as_dict():
            found["locks"] = locks
        if self.verified_ms:
            found["verified_before_commit_ms"] = round(self.verified_ms, 1)
        if lost := self.watchdog.lost:
            found["watch_lost"] = lost
        waits = [each.as_dict() for each in self.watchdog.attempts if each.pids]
        return {**found, "blocked_sessions": waits} if waits else found

    def _was_cancelled(self, error: Retryable) -> bool:
        """Whether the watchdog has cancelled the statement or terminated the session."""
        return is_cancelled(error) and self.watchdog.has_exceeded_limit()

    def _as_blocked_sessions(self, error: Retryable) -> Retryable:
        return self._blocked_sessions() if self._was_cancelled(error) else error

    def _blocked_sessions(self) -> BlockedSessions:
        worst = max(self.watchdog.attempts, key=lambda each: each.longest_ms)
        return BlockedSessions(self.target.name, len(worst.pids), round(worst.longest_ms), self.tries)
