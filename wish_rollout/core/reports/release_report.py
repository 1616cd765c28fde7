"""The result of ``check`` as values: checks, findings with file and line, and what the revisions change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from wish_rollout.core.plan.verification_checks import Check

if TYPE_CHECKING:
    from wish_rollout.core.schema.delta import Delta

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class ReleaseFinding:
    """One finding of a check.

    ``rule``: the name of the check, or the kind of the hazard. ``path``: relative to the repository, with slashes;
    empty if the finding is not about a file. ``line``: 0 if it is unknown. ``allowed``: the reason for which the
    script allows it, or "".
    """

    rule: str
    level: Level
    message: str
    path: str = ""
    line: int = 0
    revision: str = ""
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseCheck(Check):
    """The result of a check of the release, with its findings."""

    findings: tuple[ReleaseFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class RevisionChange:
    """What one revision sends: its statements in order."""

    revision: str
    message: str
    path: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """All checks of a release, and what its examined revisions change together.

    ``delta``: None if the revisions could not be replayed.
    """

    checks: tuple[ReleaseCheck, ...]
    revisions: tuple[RevisionChange, ...] = ()
    delta: Delta | None = field(default=None)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def findings(self) -> tuple[ReleaseFinding, ...]:
        """All findings; a failed check without one becomes a finding."""
        return tuple(finding for check in self.checks for finding in findings_of(check))

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the checks, for ``--json``."""
        return [check.as_dict() for check in self.checks]


def findings_of(check: ReleaseCheck) -> tuple[ReleaseFinding, ...]:
    """Return the findings of a check; its detail as one finding if it failed without any."""
    if check.findings or check.passed:
        return check.findings
    return (ReleaseFinding(check.name, "error", check.detail),)
