"""What people are told of while they are not looking."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.text.redaction import printable, redact


class Event(StrEnum):
    """What somebody can be told of; its value is its word in rollout.toml."""

    WAITING = "waiting"
    """A gate waits for an approval."""
    BREAK_GLASS = "break_glass"
    """Somebody goes on without the others."""
    DRIFT = "drift"
    """A schema is not what history promises."""
    FAILED = "failed"
    """A rollout or a rollback failed."""
    ROLLED_OUT = "rolled_out"
    """A gated environment was changed, and is what was promised."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One message. ``environment`` is empty where it concerns all of them."""

    event: Event
    environment: str
    title: str
    text: str

    @property
    def shown(self) -> tuple[str, str]:
        """Title and text as they may leave us: no passwords, no control characters."""
        title, text = (printable(redact(each)) for each in (self.title, self.text))
        return " ".join(title.split()), text


@dataclass(eq=False)
class NotificationNotSent(RolloutError):
    """A message that could not be sent. Nobody's rollout fails of it."""

    title: str
    receiver: str
    reason: str

    summary = "'{title}' could not be told to the receiver in {receiver}: {reason}."
    explanation = "The rollout goes on without."
    hint = "look at what is wrong: wish-rollout doctor"
