"""Budgets: how long a migration may wait, run and block other sessions, and for how long it is retried."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of a statement in milliseconds: ``lock_timeout`` and ``statement_timeout`` (manual, 19.11.1)."""

    lock_ms: int
    statement_ms: int


@dataclass(frozen=True, slots=True)
class Budgets:
    """The limits of an environment, by class of operation.

    ``transaction``: statements in a transaction block, whose locks are held until it ends. ``concurrent``:
    CONCURRENTLY, whose waits do not block other sessions. ``batch``: other statements outside of a transaction
    block. ``retry_for``: seconds for which a statement is retried after it could not get a lock or blocked
    other sessions. ``blocked``: the number of sessions that may wait for the migration; ``blocked_ms``: how
    long each of them may wait. ``quiet_for``: seconds to wait, before the first statement, until transactions
    end that have been open for longer than ``old_ms``.
    """

    transaction: Budget = field(default_factory=lambda: Budget(3_000, 600_000))
    concurrent: Budget = field(default_factory=lambda: Budget(600_000, 86_400_000))
    batch: Budget = field(default_factory=lambda: Budget(3_000, 3_600_000))
    retry_for: float = 300
    blocked: int = 20
    blocked_ms: int = 1_000
    quiet_for: float = 60
    old_ms: int = 60_000

    def of(self, statement: str, *, outside: bool) -> Budget:
        """Return the budget of a statement. ``outside``: it runs outside of a transaction block."""
        if not outside:
            return self.transaction
        return self.concurrent if "CONCURRENTLY" in statement.upper() else self.batch
