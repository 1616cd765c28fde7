"""Attempts of a migration: budgets, watchdog, and trying again."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from wish_rollout.core.errors.databases import StatementFailed
from wish_rollout.core.errors.hazards import BlockedSessions, BlockingTransactionsOpen
from wish_rollout.core.hazards.touched_tables import locked
from wish_rollout.core.text.sql_tokens import contains_phrase, tokenize_statements
from wish_rollout.postgres.execution.blocker_forecast import forecast
from wish_rollout.postgres.execution.watchdog import HeldUp, Watchdog
from wish_rollout.postgres.sessions.session_limits import set_session_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from wish_rollout.core.plan.budgets import Budgets
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.postgres.records.journal import StatementKey
    from wish_rollout.rollout.project.target import Target

Result = TypeVar("Result")
LOCK_NOT_AVAILABLE, DEADLOCK, CANCELED = "55P03", "40P01", "57014"
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0


@dataclass
class Execution:
    """One migration's attempts on a session. ``tries``: how many there were; ``held_up``: who waited for us.

    ``doubtful``: statements that an earlier run had finished, where the schema is as if it had not.
    """

    target: Target
    connection: psycopg.Connection[Any]
    tries: int = 0
    waited: float = 0
    held_up: list[HeldUp] = field(default_factory=list)
    doubtful: set[StatementKey] = field(default_factory=set)

    @property
    def budgets(self) -> Budgets:
        """What the environment allows."""
        return self.target.environment.budgets.budgets

    def run(self, attempt: Callable[[], Result]) -> Result:
        """Run the attempt, which is one transaction or can go on where it was, until it succeeds.

        What could not get a lock, met a deadlock, or held others up is tried again, after a pause that grows
        and is never the same for two of us; when the environment's ``retry_for`` is over, what the last
        attempt raised is raised: StatementFailed, BlockedSessions.
        """
        started, pause = time.monotonic(), FIRST_PAUSE
        while True:
            self.tries += 1
            try:
                with self._watched():
                    return attempt()
            except (StatementFailed, BlockedSessions) as error:
                pause = min(pause * 2, LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311
                left = self.budgets.retry_for - (time.monotonic() - started)
                if not self._passes(error) or left < pause or self.connection.closed:
                    raise self._told(error) from error
                time.sleep(pause)
                self.waited += pause

    def wait_for_quiet(self, plan: EnvironmentPlan) -> None:
        """Wait until nobody stands in the way of the plan's statements; raise BlockingTransactionsOpen, which names them."""
        concurrent = any(
            contains_phrase(words, "concurrently")
            for text in plan.statements
            for words in tokenize_statements(text)
        )
        tables = locked(plan.statements, plan.promised)
        started = time.monotonic()
        while found := forecast(self.connection, tables, self.budgets.old_ms, concurrent=concurrent):
            waited = time.monotonic() - started
            if waited >= self.budgets.quiet_for:
                raise BlockingTransactionsOpen(self.target.name, waited, "; ".join(map(str, found)))
            time.sleep(min(0.5, self.budgets.quiet_for - waited))

    def before(self, statement: str, outside: bool) -> None:
        """Limit the statement that comes next; raise BlockedSessions where others have waited too long already."""
        if self.held_up and self.held_up[-1].tripped:
            raise self._held()
        set_session_limits(self.connection, self.budgets.of(statement, outside=outside))

    def notes(self) -> dict[str, Any]:
        """Give what is to be recorded: attempts and waits, where there was more than one, and who waited for us."""
        found: dict[str, Any] = {}
        if self.tries > 1:
            found |= {"attempts": self.tries, "paused_ms": round(self.waited * 1000)}
        if lost := sum(each.lost for each in self.held_up):
            found["watch_lost"] = lost
        victims = [each.as_dict() for each in self.held_up if each.pids]
        return {**found, "held_up": victims} if victims else found

    @contextmanager
    def _watched(self) -> Iterator[None]:
        dog = Watchdog(self.connection.info.backend_pid, self.budgets.blocked, self.budgets.blocked_ms)
        self.held_up.append(dog.held_up)
        with dog.watching(self.target.connect):
            yield

    def _passes(self, error: StatementFailed | BlockedSessions) -> bool:
        """Whether waiting may help."""
        if isinstance(error, BlockedSessions) or error.sqlstate in (LOCK_NOT_AVAILABLE, DEADLOCK):
            return True
        return error.sqlstate == CANCELED and self.held_up[-1].tripped

    def _told(self, error: StatementFailed | BlockedSessions) -> StatementFailed | BlockedSessions:
        tripped = (
            isinstance(error, StatementFailed) and error.sqlstate == CANCELED and self.held_up[-1].tripped
        )
        return self._held() if tripped else error

    def _held(self) -> BlockedSessions:
        worst = max(self.held_up, key=lambda each: each.longest_ms)
        return BlockedSessions(self.target.name, len(worst.pids), round(worst.longest_ms), self.tries)
