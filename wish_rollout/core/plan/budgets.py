"""How long a migration may wait, work, and hold others up; and for how long it is tried again."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Budget:
    """Milliseconds that a statement may wait for a lock, and take in all (manual, 19.11.1)."""

    lock_ms: int
    statement_ms: int


@dataclass(frozen=True, slots=True)
class Budgets:
    """What an environment allows, by class of operation.

    ``transaction``: what runs in a transaction, so that its locks last to the end of that. ``concurrent``:
    CONCURRENTLY, whose waits hold nobody up. ``batch``: anything else outside of a transaction. ``retry_for``:
    seconds within which what could not get its lock, or was in the way, is tried again. ``blocked``: so many
    sessions may wait for us, and none for longer than ``blocked_ms``. ``quiet_for``: seconds to
    wait, before the first statement, for transactions to end that have been open for longer than ``old_ms``.
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
        """Choose a statement's budget. ``outside``: it runs outside of a transaction."""
        if not outside:
            return self.transaction
        return self.concurrent if "CONCURRENTLY" in statement.upper() else self.batch
