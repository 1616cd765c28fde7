"""What drift the environments have: the report of a drift command."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.core.plan.findings import HARMLESS, UNREADABLE, DriftFinding
from wish_rollout.core.remedy.statements import Remedy
from wish_rollout.core.schema.column_order import is_column_move

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.plan.ddl_record import DdlRecord
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus


@dataclass(frozen=True, slots=True)
class EnvironmentComparison:
    """The delta from the schema of environment ``a`` to that of ``b``, both at the same revision."""

    position: Position
    a: str
    b: str
    delta: Delta

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {"revision": list(self.position), "a": self.a, "b": self.b, "delta": self.delta.as_dict()}


@dataclass(frozen=True)
class DriftReport:
    """Statuses and findings of several environments.

    ``remedies``: the SQL that resolves the drift, by environment. ``models``: the delta from the schema of the scripts
    to that of the SQLAlchemy models, or None if it was not requested. ``ddl``: the recorded DDL since the last rollout,
    for environments with drift.
    """

    statuses: tuple[EnvironmentStatus, ...]
    findings: tuple[DriftFinding, ...]
    comparisons: tuple[EnvironmentComparison, ...]
    remedies: Mapping[str, Remedy] = field(default_factory=dict)
    models: Delta | None = None
    ddl: Mapping[str, tuple[DdlRecord, ...]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """4 if anything differs, 1 if an environment cannot be read, otherwise 0."""
        found = {finding.found for finding in self.findings}
        if found - HARMLESS - UNREADABLE:
            return 4
        return 1 if found & UNREADABLE else 0

    def differs_in_column_order_only(self, environment: str) -> bool:
        """Return whether the only drift of an environment is another order of columns."""
        changes = [
            change
            for status in self.statuses
            if status.environment == environment
            for change in status.assessment.drift.changes
        ]
        return bool(changes) and all(map(is_column_move, changes))

    def findings_for(self, environment: str) -> list[DriftFinding]:
        """Return the findings that concern only this environment."""
        return [finding for finding in self.findings if finding.environments == (environment,)]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {
            "format": 1,
            "environments": [
                {
                    **status.as_dict(),
                    "findings": [finding.as_dict() for finding in self.findings_for(status.environment)],
                    "ddl": [record.as_dict() for record in self.ddl.get(status.environment, ())],
                    "remedy": self.remedies.get(status.environment, Remedy()).as_dict(),
                }
                for status in self.statuses
            ],
            "between": [comparison.as_dict() for comparison in self.comparisons],
            "models": None if self.models is None else self.models.as_dict(),
            "findings": [finding.as_dict() for finding in self.findings],
        }
