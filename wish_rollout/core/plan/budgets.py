"""Budgets: how long a migration may wait, run and block other sessions, and for how long it is retried."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from wish_rollout.core.text.sql_tokens import find_phrase, tokenize_statements

IDLE_FACTOR, LEAST_IDLE_MS = 5, 5_000
"""A session that may hold strong locks is ended by the server after so many times ``blocked_ms`` without a statement, and
not before LEAST_IDLE_MS. The watchdog is earlier if other sessions wait for it."""
OFF = frozenset({"false", "off", "0"})


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of a statement in milliseconds: ``lock_timeout`` and ``statement_timeout`` (manual, 19.11.1).

    ``idle_ms``: the ``idle_in_transaction_session_timeout`` after the statement; 0: none.
    """

    lock_ms: int
    statement_ms: int
    idle_ms: int = 0


@dataclass(frozen=True, slots=True)
class Budgets:
    """The limits of an environment, by class of operation.

    ``longest_wait_ms``: how long a statement may wait for a lock whose queue blocks queries of other sessions; this
    limit also holds for statements of which it is not known. ``transaction``: statements in a transaction block, whose
    locks are held until it ends. ``concurrent``: CONCURRENTLY, whose waits do not block other sessions. ``batch``:
    other statements outside of a transaction block. ``retry_for``: seconds for which a migration is tried again after
    it could not get a lock or blocked other sessions. ``blocked``: the number of sessions that may wait for the
    migration; ``blocked_ms``: how long each of them may wait. ``quiet_for``: seconds to wait, before the first
    statement, until transactions end that have been open for longer than ``old_ms``.
    """

    transaction: Budget = field(default_factory=lambda: Budget(3_000, 600_000))
    concurrent: Budget = field(default_factory=lambda: Budget(600_000, 86_400_000))
    batch: Budget = field(default_factory=lambda: Budget(3_000, 3_600_000))
    longest_wait_ms: int = 25
    retry_for: float = 300
    blocked: int = 20
    blocked_ms: int = 1_000
    quiet_for: float = 60
    old_ms: int = 60_000

    def of(
        self, statement: str, *, outside: bool, may_queue: bool = False, holds_locks: bool = False
    ) -> Budget:
        """Return the budget of a statement.

        ``outside``: it runs outside of a transaction block. ``may_queue``: it is known that neither its locks nor
        those that its transaction holds block queries, so that it may wait for ``lock_ms``. ``holds_locks``: its
        transaction holds, or gets now, locks that may block queries.
        """
        if outside and is_concurrent(statement):
            return self.concurrent
        budget = self.batch if outside else self.transaction
        if may_queue:
            return budget
        lock_ms = min(self.longest_wait_ms, budget.lock_ms)
        idle_ms = max(LEAST_IDLE_MS, IDLE_FACTOR * self.blocked_ms) if holds_locks else 0
        return replace(budget, lock_ms=lock_ms, idle_ms=idle_ms)


def is_concurrent(statement: str) -> bool:
    """Return whether a statement has the option CONCURRENTLY; ``REINDEX (CONCURRENTLY FALSE)`` has not."""
    for tokens in tokenize_statements(statement)[:1]:
        index = find_phrase(tokens, "concurrently")
        return index >= 0 and not OFF.intersection(tokens[index + 1 : index + 2])
    return False
