"""The tables of ``rollout.toml`` for the time limits of migrations."""

from __future__ import annotations

from pydantic import Field

from wish_rollout.config.sections import ConfigTable
from wish_rollout.core.plan.budgets import Budget, Budgets


class BudgetConfig(ConfigTable):
    """The time limits of one class of statements, in milliseconds. 0 would mean no limit, and is not allowed."""

    lock_ms: int = Field(
        ge=1, le=86_400_000, description="Milliseconds that a statement may wait for a lock (lock_timeout)."
    )
    statement_ms: int = Field(
        ge=1, le=604_800_000, description="Milliseconds that a statement may run (statement_timeout)."
    )

    @property
    def budget(self) -> Budget:
        """The limits as a value of ``core.plan``."""
        return Budget(self.lock_ms, self.statement_ms)


class BudgetsConfig(ConfigTable):
    """How long migrations may wait, run, and block other sessions. The defaults are in ``core.plan.budgets``."""

    transaction: BudgetConfig | None = Field(
        default=None, description="The limits of statements that run in a transaction."
    )
    concurrent: BudgetConfig | None = Field(
        default=None, description="The limits of CREATE INDEX CONCURRENTLY and the like."
    )
    batch: BudgetConfig | None = Field(
        default=None, description="The limits of other statements that run outside of a transaction."
    )
    longest_wait_ms: int = Field(
        default=25,
        ge=1,
        le=600_000,
        description="Milliseconds that a statement may wait for a lock if other sessions would wait behind it.",
    )
    retry_for: float = Field(
        default=300, ge=0, le=86400, description="Seconds within which a cancelled migration is tried again."
    )
    blocked: int = Field(
        default=20,
        ge=0,
        le=10_000,
        description="How many sessions may wait for the migration at the same time.",
    )
    blocked_ms: int = Field(
        default=1000,
        ge=10,
        le=600_000,
        description="Milliseconds that any session may wait for the migration.",
    )
    quiet_for: float = Field(
        default=60,
        ge=0,
        le=86400,
        description="Seconds to wait, before the first statement, for long transactions to end.",
    )
    old_ms: int = Field(
        default=60_000,
        ge=0,
        le=86_400_000,
        description="Milliseconds after which an open transaction counts as long.",
    )

    @property
    def budgets(self) -> Budgets:
        """The limits as a value of ``core.plan``."""
        tables = {name: getattr(self, name) for name in ("transaction", "concurrent", "batch")}
        budgets = {name: value.budget for name, value in tables.items() if value}
        numbers = self.model_dump(exclude={"transaction", "concurrent", "batch"})
        return Budgets(**budgets, **numbers)
