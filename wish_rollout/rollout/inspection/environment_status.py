"""Where every environment stands, without stopping at one that cannot be reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.base import ConfigurationError, RolloutError
from wish_rollout.core.errors.databases import DatabaseMissing, TableLocked
from wish_rollout.core.plan.verdict import DriftAssessment, Verdict, judge
from wish_rollout.core.release.release import say
from wish_rollout.core.schema.delta import Delta
from wish_rollout.rollout.planning.shared_databases import refuse_same_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target


@dataclass(frozen=True, slots=True)
class EnvironmentStatus:
    """One environment's verdict. ``seen`` is None and ``error`` says why where it could not be looked at."""

    environment: str
    assessment: DriftAssessment
    pending: tuple[str, ...] = ()
    seen: DatabaseState | None = None
    error: str = ""

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return self.assessment.verdict

    @property
    def position(self) -> str:
        """The revision, for a person."""
        return say(self.seen.facts.revisions) if self.seen else "?"

    def as_dict(self) -> dict[str, Any]:
        """Give the whole, for ``--json``."""
        return {
            "environment": self.environment,
            "verdict": self.verdict.value,
            "revision": list(self.seen.facts.revisions) if self.seen else None,
            "pending": list(self.pending),
            "fingerprint": self.seen.snapshot.fingerprint if self.seen else None,
            "server_version": self.seen.facts.version if self.seen else None,
            "drift": self.assessment.drift.as_dict(),
            "unmanaged": list(self.assessment.unmanaged),
            "error": self.error or None,
        }


def read_environment_statuses(project: Project, targets: Sequence[Target]) -> tuple[EnvironmentStatus, ...]:
    """Judge each target; one that cannot be reached is told as such."""
    return tuple(standing(project, target) for target in targets)


def environments_if_all_in_step(project: Project, targets: Sequence[Target]) -> tuple[EnvironmentStatus, ...]:
    """Judge each target; nothing where one of them is not in step: then the others are not looked at.

    The last one goes first, since a release comes there last. Raises SameDatabase.
    """
    found: list[EnvironmentStatus] = []
    for target in reversed(targets):
        found.insert(0, standing(project, target))
        if found[0].verdict is not Verdict.IN_STEP:
            return ()
    refuse_same_database(project, {each.environment: each.seen.facts.instance for each in found if each.seen})
    return tuple(found)


def standing(project: Project, target: Target) -> EnvironmentStatus:
    """Judge one target."""
    try:
        seen = target.look()
    except RolloutError as error:
        if isinstance(error, ConfigurationError) and not isinstance(error, DatabaseMissing):
            raise
        verdict = Verdict.LOCKED if isinstance(error, TableLocked) else Verdict.UNREACHABLE
        return EnvironmentStatus(target.name, DriftAssessment(verdict, Delta(())), error=error.fill(error.summary))
    assessment = judge(project.release, seen, project.history.at, project.count)
    known = assessment.verdict is not Verdict.FOREIGN
    pending = project.release.pending(seen.facts.revisions) if known else ()
    return EnvironmentStatus(target.name, assessment, tuple(revision.id for revision in pending), seen)
