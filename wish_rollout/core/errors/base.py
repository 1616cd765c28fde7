"""Every error that a user can meet: what happened, why it matters, what to do next.

The class decides the exit code; the fields are what a program can read. The three texts are templates over
the fields. This tree is the documentation of what can go wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from wish_rollout.core.text.redaction import redact

DEBUG = "WISH_ROLLOUT_DEBUG"
"""The variable that ``--debug`` sets, for steps that run inside of Dagster."""


class RolloutError(Exception):
    """The root. Subclasses are dataclasses; ``str()`` is one paragraph, then a hint."""

    exit_code: ClassVar[int] = 1
    summary: ClassVar[str]
    explanation: ClassVar[str] = ""
    hint: ClassVar[str] = ""

    def __str__(self) -> str:
        paragraph = " ".join(text for text in (self.fill(self.summary), self.fill(self.explanation)) if text)
        hint = self.fill(self.hint)
        return redact(f"{paragraph}\n\nhint: {hint}" if hint else paragraph)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), tuple(self.as_dict().values()))

    def fill(self, template: str) -> str:
        """Fill one of the three texts with the fields."""
        return redact(template.format_map(self.as_dict()).strip())

    def as_dict(self) -> dict[str, Any]:
        """Give the fields, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]


class ConfigurationError(RolloutError):
    """The call or the configuration is wrong; nothing was looked at (exit 2)."""

    exit_code: ClassVar[int] = 2


class AwaitingApproval(RolloutError):
    """A gate is waiting for a person (exit 3)."""

    exit_code: ClassVar[int] = 3


class DifferenceFound(RolloutError):
    """Drift, or a difference (exit 4)."""

    exit_code: ClassVar[int] = 4


class VerificationFailed(RolloutError):
    """What is there is not what was promised (exit 5)."""

    exit_code: ClassVar[int] = 5


class Refused(RolloutError):
    """Acting now would be unsafe, so nothing was done (exit 6)."""

    exit_code: ClassVar[int] = 6


@dataclass(eq=False)
class InvalidSnapshotFile(ConfigurationError):
    """A snapshot file is missing, cut short, or of another format."""

    path: str
    reason: str

    summary = "The snapshot file {path} cannot be read: {reason}."
    explanation = (
        "A snapshot is what a live schema is compared with, so half of one would give a false answer."
    )
    hint = "write it anew: wish-rollout snapshot TARGET > {path}"
