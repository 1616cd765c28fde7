"""The root of all errors that a user can receive, and the classes that determine the exit code.

The fields of an error are its machine-readable part. Its three texts are templates over these fields:
``summary`` states what happened, ``explanation`` why it matters, ``hint`` which command to run next.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from wish_rollout.core.text.redaction import redact

DEBUG = "WISH_ROLLOUT_DEBUG"
"""The environment variable that ``--debug`` sets for steps that run inside Dagster."""


class RolloutError(Exception):
    """The root of the tree. Subclasses are dataclasses; ``str()`` returns one paragraph, then the hint."""

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
        """Return one of the three texts with the fields inserted and passwords hidden."""
        return redact(template.format_map(self.as_dict()).strip())

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]


class ConfigurationError(RolloutError):
    """The command line or the configuration is wrong; no database was read (exit 2)."""

    exit_code: ClassVar[int] = 2


class AwaitingApproval(RolloutError):
    """A gate waits for an approval (exit 3)."""

    exit_code: ClassVar[int] = 3


class DifferenceFound(RolloutError):
    """Two schemas differ, or an environment has drifted (exit 4)."""

    exit_code: ClassVar[int] = 4


class VerificationFailed(RolloutError):
    """The state that was found is not the state that was promised (exit 5)."""

    exit_code: ClassVar[int] = 5


class Refused(RolloutError):
    """The operation would be unsafe now, so it was not started (exit 6)."""

    exit_code: ClassVar[int] = 6


@dataclass(eq=False)
class FileError(ConfigurationError):
    """A file cannot be used: base class of the errors that have a path and a reason."""

    path: str
    reason: str


@dataclass(eq=False)
class EnvironmentRefused(Refused):
    """An operation on an environment is refused: base class of the errors that name the environment first."""

    environment: str


class InvalidSnapshotFile(FileError):
    """A snapshot file is missing, truncated or of another format."""

    summary = "The snapshot file {path} cannot be read: {reason}."
    explanation = (
        "A live schema is compared with this snapshot; an incomplete snapshot would give a wrong result."
    )
    hint = "write the file again: wish-rollout snapshot TARGET > {path}"


@dataclass(eq=False)
class IncompleteSnapshotFile(ConfigurationError):
    """A snapshot file names a type that neither the file nor an extension in it has, so no SQL is printed."""

    summary = "The {object_name} in {path} has the type {type_name}, which the file does not contain."
    explanation = "An extension that has the type is not in the file, so no SQL can create the object."
    hint = (
        "write the file again, from a database that has the extension: wish-rollout snapshot TARGET > {path}"
    )

    path: str
    object_name: str
    type_name: str
