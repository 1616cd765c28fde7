"""Status of environments: verdict, revision and drift of each, also if another one cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.base import ConfigurationError, RolloutError
from wish_rollout.core.errors.databases import DatabaseMissing
from wish_rollout.core.errors.statements import TableLocked
from wish_rollout.core.plan.verdict import DriftAssessment, Verdict
from wish_rollout.core.release.release import format_position
from wish_rollout.core.schema.delta import Delta
from wish_rollout.rollout.planning.shared_databases import refuse_same_database
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


@dataclass(frozen=True, slots=True)
class EnvironmentStatus:
    """One environment's verdict.

    ``state``: the database's state, or None if it could not be read; then ``error`` is the reason.
    """

    environment: str
    assessment: DriftAssessment
    pending: tuple[str, ...] = ()
    state: DatabaseState | None = None
    error: str = ""

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return self.assessment.verdict

    @property
    def position(self) -> str:
        """The revision as text, or ``?`` if the database could not be read."""
        return format_position(self.state.facts.revisions) if self.state else "?"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {
            "environment": self.environment,
            "verdict": self.verdict.value,
            "revision": list(self.state.facts.revisions) if self.state else None,
            "pending": list(self.pending),
            "fingerprint": self.state.snapshot.fingerprint if self.state else None,
            "server_version": self.state.facts.version if self.state else None,
            "drift": self.assessment.drift.as_dict(),
            "unmanaged": list(self.assessment.unmanaged),
            "error": self.error or None,
        }


def read_environment_statuses(project: Project, targets: Sequence[Target]) -> tuple[EnvironmentStatus, ...]:
    """Return the status of each target. One that cannot be read has the verdict UNREACHABLE or LOCKED."""
    return tuple(read_environment_status(project, target) for target in targets)


def environments_if_all_in_step(project: Project, targets: Sequence[Target]) -> tuple[EnvironmentStatus, ...]:
    """Return the status of each target, or an empty tuple if one of them is not in step.

    The targets are read from the last to the first, because a release reaches the last one last. Reading ends at the
    first that is not in step. Raises EnvironmentsShareDatabase.
    """
    statuses: list[EnvironmentStatus] = []
    for target in reversed(targets):
        statuses.insert(0, read_environment_status(project, target))
        if statuses[0].verdict is not Verdict.IN_STEP:
            return ()
    refuse_same_database(project, {each.environment: each.state.facts for each in statuses if each.state})
    return tuple(statuses)


def read_environment_status(project: Project, target: Target) -> EnvironmentStatus:
    """Return the status of one target. Raises ConfigurationError, except for a database that does not exist."""
    try:
        state = target.read_database_state()
    except RolloutError as error:
        if isinstance(error, ConfigurationError) and not isinstance(error, DatabaseMissing):
            raise
        verdict = verdict_without_state(error)
        return EnvironmentStatus(
            target.name, DriftAssessment(verdict, Delta(())), error=error.fill(error.summary)
        )
    return status_of_state(project, target.name, state)


def verdict_without_state(error: RolloutError) -> Verdict:
    """Return the verdict on a database that could not be read for an error."""
    return Verdict.LOCKED if isinstance(error, TableLocked) else Verdict.UNREACHABLE


def status_of_state(project: Project, name: str, state: DatabaseState) -> EnvironmentStatus:
    """Return the status of an environment from the state of its database."""
    assessment = EnvironmentSchema(project, state).assess()
    known = assessment.verdict is not Verdict.FOREIGN
    pending = project.release.pending(state.facts.revisions) if known else ()
    return EnvironmentStatus(name, assessment, tuple(revision.id for revision in pending), state)
