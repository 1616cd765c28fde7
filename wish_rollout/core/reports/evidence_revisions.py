"""The evidence of a release's revisions: their scripts, hazards and measured locks, and the proof that they can be reverted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.reports.release_report import ReleaseFinding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class EvidenceHazard:
    """A hazard of a revision on tables with rows. ``allowed``: the reason for which the script allows it, or ""."""

    kind: str
    text: str
    line: int
    allowed: str


@dataclass(frozen=True, slots=True)
class EvidenceRevision:
    """What is recorded of a revision.

    ``path``: of the script, relative to the repository. ``script``, ``record``: SHA-256 of the script, and of what
    ``meta/`` records of it; "" if that is not recorded. ``postgres``: major version of the server of the rehearsal, or
    0. ``upgrade``, ``downgrade``: numbers of statements. ``irreversible``: why its downgrade cannot be used, or "".
    ``measured``: a line for each statement that locked, read or rewrote a table.
    """

    revision: str
    message: str
    path: str
    script: str
    record: str = ""
    postgres: int = 0
    upgrade: int = 0
    downgrade: int = 0
    irreversible: str = ""
    measured: tuple[str, ...] = ()
    hazards: tuple[EvidenceHazard, ...] = ()

    @property
    def rehearsal(self) -> str:
        """What the rehearsal on a scratch database has shown about a rollback."""
        if not self.record:
            return "not recorded"
        if self.irreversible:
            return f"cannot be reverted: {self.irreversible}"
        return (
            f"upgrade with {self.upgrade} statements, downgrade with {self.downgrade} statements to exactly the schema "
            f"before, upgrade again to exactly the same schema, on PostgreSQL {self.postgres}"
        )

    def findings(self) -> Iterator[ReleaseFinding]:
        """Yield the hazards with file and line."""
        for each in self.hazards:
            yield ReleaseFinding(
                each.kind, "warning", each.text, self.path, each.line, self.revision, each.allowed
            )

    def values(self) -> list[tuple[str, str]]:
        """Return what a reader sees, as names and values."""
        return [
            ("script", f"{self.path}, SHA-256 {self.script}"),
            ("rehearsal", self.rehearsal),
            *(
                (f"hazard, line {each.line}" if each.line else "hazard", _describe(each))
                for each in self.hazards
            ),
            ("hazards", "" if self.hazards else "none, if all tables have rows"),
        ]

    @classmethod
    def from_values(cls, value: Mapping[str, Any]) -> EvidenceRevision:
        """Return the revision with parsed JSON values. Raises KeyError, TypeError, ValueError."""
        hazards = tuple(EvidenceHazard(**each) for each in value["hazards"])
        lists = {"measured": tuple(map(str, value["measured"])), "hazards": hazards}
        return cls(**{**value, **lists})


def _describe(hazard: EvidenceHazard) -> str:
    reason = f" Allowed because: {hazard.allowed}" if hazard.allowed else ""
    return f"{hazard.kind}: {hazard.text}{reason}"
