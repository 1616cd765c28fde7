"""The tables of ``rollout.toml`` for approval policies and time windows."""

from __future__ import annotations

from datetime import time, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from wish_rollout.config.sections import ConfigTable

if TYPE_CHECKING:
    from wish_rollout.core.approval.policy import Policy
    from wish_rollout.core.approval.windows import Window

ALL_DAY = "00:00-24:00"
MAX_APPROVAL_LIFETIME = timedelta(days=366)
"""The longest validity of an approval. Older requests and rejections can be ignored."""


class WindowConfig(ConfigTable):
    """Days and hours in which an environment may be changed: ``mon-thu``, ``09:00-16:00``, and a time zone."""

    days: str = Field(default="mon-sun", description="Days of the week: `mon-thu`, `sat,sun`.")
    hours: str = Field(
        default=ALL_DAY, pattern=r"^\d\d:\d\d-\d\d:\d\d$", description="From and to, as `09:00-16:00`."
    )
    zone: str = Field(default="UTC", description="An IANA time zone.")

    @cached_property
    def window(self) -> Window:
        """The window as a value of ``core.approval``. Raises ValueError for invalid days, hours or time zones."""
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        from wish_rollout.core.approval.windows import Window

        try:
            zone = ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone named '{self.zone}'") from None
        opens, closes = (_parse_time(text) for text in self.hours.split("-"))
        if opens == closes and self.hours != ALL_DAY:
            raise ValueError(f"{self.hours} begins and ends at the same time; a whole day is {ALL_DAY}")
        return Window(_parse_days(self.days), opens, closes, zone)

    @model_validator(mode="after")
    def _check_window(self) -> WindowConfig:
        assert self.window
        return self


def _parse_time(text: str) -> time:
    return time(0) if text == "24:00" else time.fromisoformat(text)


def _parse_days(text: str) -> tuple[int, ...]:
    from wish_rollout.core.approval.windows import WEEKDAYS

    days: list[int] = []
    for part in text.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in WEEKDAYS or (last or first) not in WEEKDAYS:
            raise ValueError(f"'{part}' is not a day: write {', '.join(WEEKDAYS)}, or mon-thu")
        start, length = WEEKDAYS.index(first), (WEEKDAYS.index(last or first) - WEEKDAYS.index(first)) % 7 + 1
        days += [(start + step) % 7 for step in range(length)]
    return tuple(sorted(set(days)))


class ApprovalConfig(ConfigTable):
    """The approval policy of a gated environment. ``lives``: the validity, as a number and s, m, h or d."""

    allowed_signers: Path | None = Field(
        default=None, description="The file of people and SSH keys that may approve, in ssh-keygen's format."
    )
    quorum: int = Field(default=1, ge=1, le=20, description="How many people must approve.")
    quorum_for: dict[str, Annotated[int, Field(ge=1, le=20)]] = Field(
        default_factory=dict,
        description="How many people must approve a plan with a hazard of this kind: hazard = number.",
    )
    four_eyes: bool = Field(
        default=True, description="Refuse approvals of the requester and of the revisions' authors."
    )
    lives: str = Field(
        default="24h",
        pattern=r"^[1-9]\d{0,5}[smhd]$",
        description="How long a request and its approvals are valid: a number and s, m, h or d.",
    )
    windows: tuple[WindowConfig, ...] = Field(
        default=(), description="When the environment may be changed. Empty: at any time."
    )
    approvers: tuple[str, ...] = Field(
        default=(),
        description="Shell patterns of the names that may approve here. Empty: everyone in allowed_signers.",
    )
    allowed_hazards: tuple[str, ...] | None = Field(
        default=None, description="The kinds of hazard that may be approved. Default: all."
    )
    break_glass: bool = Field(
        default=True, description="Allow one approver to approve alone in an emergency."
    )

    @model_validator(mode="after")
    def _check_validity(self) -> ApprovalConfig:
        if self.validity > MAX_APPROVAL_LIFETIME:
            raise ValueError(f"lives is {self.lives}, but the maximum is {MAX_APPROVAL_LIFETIME.days}d")
        return self

    @property
    def validity(self) -> timedelta:
        """The validity of an approval."""
        unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[self.lives[-1]]
        return timedelta(**{unit: int(self.lives[:-1])})

    @model_validator(mode="after")
    def _check_hazard_kinds(self) -> ApprovalConfig:
        named = {*self.quorum_for, *(self.allowed_hazards or ())}
        if not named:
            return self
        from wish_rollout.core.hazards.assessment import KINDS
        from wish_rollout.core.rows.requirements import ROWS

        kinds = KINDS | {ROWS}
        if unknown := named - kinds:
            known = ", ".join(sorted(kinds))
            raise ValueError(f"there is no hazard kind {', '.join(sorted(unknown))}; the kinds are: {known}")
        return self

    def policy(self, signers: str) -> Policy:
        """Return the policy as a value of ``core.approval``. ``signers``: the digest of the allowed signers file."""
        from wish_rollout.core.approval.policy import Policy

        return Policy(
            signers=signers,
            quorum=self.quorum,
            quorum_for=tuple(sorted(self.quorum_for.items())),
            four_eyes=self.four_eyes,
            lives=self.validity,
            windows=tuple(each.window for each in self.windows),
            approvers=self.approvers,
            allowed_hazards=self.allowed_hazards,
            break_glass=self.break_glass,
        )
