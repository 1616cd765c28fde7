"""Notifications about events of a rollout, and the error for one that could not be sent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.text.redaction import escape_unprintable, redact


class Event(StrEnum):
    """An event that a receiver can subscribe to; the value is its name in rollout.toml."""

    WAITING = "waiting"
    """A gate waits for an approval."""
    REJECTED = "rejected"
    """A request for an approval was rejected: the gate does not wait any more."""
    EXPIRED = "expired"
    """A request for an approval has expired: the gate does not wait any more."""
    BREAK_GLASS = "break_glass"
    """An approver proceeds alone."""
    DRIFT = "drift"
    """A schema has drifted, or its drift has changed."""
    DRIFT_ENDED = "drift_ended"
    """A schema that had drifted is the one of its revision again."""
    UNREACHABLE = "unreachable"
    """A database has not answered for several checks."""
    REACHABLE = "reachable"
    """A database that was reported as unreachable answers again."""
    FAILED = "failed"
    """A rollout or a rollback has failed."""
    FAILED_ENDED = "failed_ended"
    """An environment in which the run before had failed was verified."""
    ROLLED_OUT = "rolled_out"
    """A gated environment was changed and verified."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A message to receivers. ``environment`` is empty if the message is about all environments."""

    event: Event
    environment: str
    title: str
    text: str

    @property
    def safe_title_and_text(self) -> tuple[str, str]:
        """The title, on one line, and the text, without passwords and control characters."""
        title, text = (escape_unprintable(redact(each)) for each in (self.title, self.text))
        return " ".join(title.split()), text


@dataclass(eq=False)
class NotificationNotSent(RolloutError):
    """A notification could not be sent. This does not fail the rollout."""

    title: str
    receiver: str
    reason: str

    summary = "The notification '{title}' could not be sent to the receiver in {receiver}: {reason}."
    explanation = "The rollout continues without it."
    hint = "check the receivers: wish-rollout doctor"
