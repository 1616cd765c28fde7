"""The tables of ``rollout.toml`` that limit: who may approve when, and how long a statement may take."""

from __future__ import annotations

from datetime import time, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from wish_rollout.config.sections import ConfigTable
from wish_rollout.core.plan.budgets import Budget, Budgets

if TYPE_CHECKING:
    from wish_rollout.core.approval.policy import Policy, Window

ALL_DAY = "00:00-24:00"
LONGEST = timedelta(days=366)
"""No approval may live for longer; so no older request or rejection can matter."""


class WindowConfig(ConfigTable):
    """Days and hours in which an environment may be touched: ``mon-thu``, ``09:00-16:00``, a time zone."""

    days: str = "mon-sun"
    hours: str = Field(default=ALL_DAY, pattern=r"^\d\d:\d\d-\d\d:\d\d$")
    zone: str = "UTC"

    @cached_property
    def window(self) -> Window:
        """As the policy takes it; raises ValueError for days, hours or a zone that there are not."""
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        from wish_rollout.core.approval.policy import Window

        try:
            zone = ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone named '{self.zone}'") from None
        opens, closes = (_clock(text) for text in self.hours.split("-"))
        if opens == closes and self.hours != ALL_DAY:
            raise ValueError(f"{self.hours} opens when it closes; a whole day is {ALL_DAY}")
        return Window(_days(self.days), opens, closes, zone)

    @model_validator(mode="after")
    def _is_a_window(self) -> WindowConfig:
        assert self.window
        return self


def _clock(text: str) -> time:
    return time(0) if text == "24:00" else time.fromisoformat(text)


def _days(text: str) -> tuple[int, ...]:
    from wish_rollout.core.approval.policy import DAYS

    days: list[int] = []
    for part in text.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(f"'{part}' is no day: write {', '.join(DAYS)}, or mon-thu")
        start, length = DAYS.index(first), (DAYS.index(last or first) - DAYS.index(first)) % 7 + 1
        days += [(start + step) % 7 for step in range(length)]
    return tuple(sorted(set(days)))


class ApprovalConfig(ConfigTable):
    """What a gated environment demands of its approvals. ``lives`` is a number and s, m, h or d."""

    allowed_signers: Path | None = None
    quorum: int = Field(default=1, ge=1, le=20)
    quorum_for: dict[str, Annotated[int, Field(ge=1, le=20)]] = Field(default_factory=dict)
    four_eyes: bool = True
    lives: str = Field(default="24h", pattern=r"^[1-9]\d{0,5}[smhd]$")
    windows: tuple[WindowConfig, ...] = ()
    approvers: tuple[str, ...] = ()
    allowed_hazards: tuple[str, ...] | None = None
    break_glass: bool = True

    @model_validator(mode="after")
    def _ends(self) -> ApprovalConfig:
        if self.life > LONGEST:
            raise ValueError(f"lives is {self.lives}, and the longest is {LONGEST.days}d")
        return self

    @property
    def life(self) -> timedelta:
        """How long an approval lives."""
        unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[self.lives[-1]]
        return timedelta(**{unit: int(self.lives[:-1])})

    @model_validator(mode="after")
    def _names_hazards(self) -> ApprovalConfig:
        named = {*self.quorum_for, *(self.allowed_hazards or ())}
        if not named:
            return self
        from wish_rollout.core.hazards.assessment import KINDS
        from wish_rollout.core.rows.requirements import ROWS

        kinds = KINDS | {ROWS}
        if unknown := named - kinds:
            known = ", ".join(sorted(kinds))
            raise ValueError(f"there is no hazard {', '.join(sorted(unknown))}; there are: {known}")
        return self

    def policy(self, signers: str) -> Policy:
        """Give the policy; ``signers`` is the digest of the file of allowed signers."""
        from wish_rollout.core.approval.policy import Policy

        return Policy(
            signers=signers,
            quorum=self.quorum,
            quorum_for=tuple(sorted(self.quorum_for.items())),
            four_eyes=self.four_eyes,
            lives=self.life,
            windows=tuple(each.window for each in self.windows),
            approvers=self.approvers,
            allowed_hazards=self.allowed_hazards,
            break_glass=self.break_glass,
        )


class BudgetConfig(ConfigTable):
    """Milliseconds for one class of operation; 0 would be no limit, so it is none of them."""

    lock_ms: int = Field(ge=1, le=86_400_000)
    statement_ms: int = Field(ge=1, le=604_800_000)

    @property
    def budget(self) -> Budget:
        """The value."""
        return Budget(self.lock_ms, self.statement_ms)


class BudgetsConfig(ConfigTable):
    """How long migrations may wait, work and hold others up; what is not said is as core.plan.budgets has it."""

    transaction: BudgetConfig | None = None
    concurrent: BudgetConfig | None = None
    batch: BudgetConfig | None = None
    retry_for: float = Field(default=300, ge=0, le=86400)
    blocked: int = Field(default=20, ge=0, le=10_000)
    blocked_ms: int = Field(default=1000, ge=10, le=600_000)
    quiet_for: float = Field(default=60, ge=0, le=86400)
    old_ms: int = Field(default=60_000, ge=0, le=86_400_000)

    @property
    def budgets(self) -> Budgets:
        """The value."""
        said = {name: getattr(self, name) for name in ("transaction", "concurrent", "batch")}
        given = {name: value.budget for name, value in said.items() if value}
        plain = self.model_dump(exclude={"transaction", "concurrent", "batch"})
        return Budgets(**given, **plain)
