"""What is not as history promises, by name: in each environment, and between those at one revision."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.core.plan.findings import HARMLESS, UNSEEN, Finding, FindingKind
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.plan.verification_checks import invalid_objects
from wish_rollout.core.release.release import say
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.remedy.statements import Remedy
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import brief
from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus, read_environment_statuses

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Key
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target

_DIRECT = {
    Verdict.IN_STEP: FindingKind.IN_STEP,
    Verdict.BEHIND: FindingKind.PENDING,
    Verdict.AHEAD: FindingKind.AHEAD,
    Verdict.FOREIGN: FindingKind.FOREIGN,
    Verdict.UNREACHABLE: FindingKind.UNREACHABLE,
    Verdict.LOCKED: FindingKind.LOCKED,
}


@dataclass(frozen=True, slots=True)
class EnvironmentComparison:
    """What leads from the schema of one environment to that of another at the same revision."""

    position: Position
    a: str
    b: str
    delta: Delta

    def as_dict(self) -> dict[str, Any]:
        """Give the fields."""
        return {"revision": list(self.position), "a": self.a, "b": self.b, "delta": self.delta.as_dict()}


@dataclass(frozen=True)
class DriftReport:
    """A look at several environments. ``models``: from the scripts' schema to the declared; None: not asked."""

    statuses: tuple[EnvironmentStatus, ...]
    findings: tuple[Finding, ...]
    comparisons: tuple[EnvironmentComparison, ...]
    remedies: Mapping[str, Remedy] = field(default_factory=dict)
    models: Delta | None = None

    @property
    def exit_code(self) -> int:
        """4 on drift or difference, 1 where an environment cannot be looked at, else 0."""
        found = {finding.found for finding in self.findings}
        if found - HARMLESS - UNSEEN:
            return 4
        return 1 if found & UNSEEN else 0

    def of(self, environment: str) -> list[Finding]:
        """Give the findings about one environment alone."""
        return [finding for finding in self.findings if finding.environments == (environment,)]

    def as_dict(self) -> dict[str, Any]:
        """Give the whole, for ``--json``."""
        return {
            "format": 1,
            "environments": [
                {
                    **one.as_dict(),
                    "findings": [finding.as_dict() for finding in self.of(one.environment)],
                    "remedy": self.remedies.get(one.environment, Remedy()).as_dict(),
                }
                for one in self.statuses
            ],
            "between": [comparison.as_dict() for comparison in self.comparisons],
            "models": None if self.models is None else self.models.as_dict(),
            "findings": [finding.as_dict() for finding in self.findings],
        }


def read_drift_report(project: Project, targets: Sequence[Target], *, models: bool = False) -> DriftReport:
    """Look at each target, and between them. ``models``: at the declared schema too, by a scratch replay."""
    statuses = read_environment_statuses(project, targets)
    comparisons = tuple(_between(project, statuses))
    remedies = {
        one.environment: remedy_for_environment(project, one) for one in statuses if one.seen and one.assessment.drift
    }
    declared = _declared(project) if models else None
    findings = [finding for one in statuses for finding in _findings(project, one, statuses)]
    for each in comparisons:
        detail = f"{each.a} and {each.b} are both at {say(each.position)}, and differ: {brief(each.delta)}"
        findings.append(Finding(FindingKind.BETWEEN, (each.a, each.b), detail))
    if declared:
        findings.append(Finding(FindingKind.MODELS, (), f"{project.config.release.models}: {brief(declared)}"))
    return DriftReport(statuses, tuple(findings), comparisons, remedies, declared)


def _declared(project: Project) -> Delta | None:
    from wish_rollout.rollout.scripts.release_checks import models_drift

    return models_drift(project)


def _findings(project: Project, one: EnvironmentStatus, statuses: Sequence[EnvironmentStatus]) -> Iterator[Finding]:
    """Name what is to be said of one environment, the verdict first."""
    at_head = bool(one.seen) and one.seen.facts.revisions == project.release.head  # type: ignore[union-attr]
    found = _DIRECT.get(one.verdict, FindingKind.SAME_HEAD if at_head else FindingKind.DRIFTED)
    about = {
        FindingKind.PENDING: f"{', '.join(one.pending)} after {one.position}",
        FindingKind.AHEAD: f"at {one.position} by its version table, and its schema is that of {say(one.assessment.schema_position or ())}",
        FindingKind.FOREIGN: f"{one.position} is no revision of this release",
        FindingKind.UNREACHABLE: one.error,
        FindingKind.LOCKED: one.error,
        FindingKind.IN_STEP: f"at {one.position}",
    }
    own = (one.environment,)
    yield Finding(found, own, about.get(found, f"at {one.position}: {brief(one.assessment.drift)}"))
    if one.seen and one.verdict is Verdict.DRIFTED:
        promise = project.history.at(one.seen.facts.revisions)
        for name in invalid_objects(promise, project.count(one.seen.snapshot).snapshot):
            yield Finding(FindingKind.INVALID, own, name)
        for kind, name in _only_here(one, statuses):
            yield Finding(FindingKind.ONLY_HERE, own, f"{kind} {name}")
    for name in one.assessment.unmanaged:
        yield Finding(FindingKind.UNMANAGED, own, name)


def _only_here(one: EnvironmentStatus, statuses: Sequence[EnvironmentStatus]) -> list[Key]:
    others = [other.seen.snapshot.objects for other in statuses if other.seen and other is not one]
    if not others:
        return []
    return [
        (change.kind, change.name)
        for change in one.assessment.drift.changes
        if change.change == "added" and not any((change.kind, change.name) in each for each in others)
    ]


def _between(project: Project, statuses: Sequence[EnvironmentStatus]) -> Iterator[EnvironmentComparison]:
    """Compare environments at one revision, each different schema with the first."""
    groups: dict[Position, dict[str, tuple[str, DatabaseState]]] = {}
    for one in statuses:
        if one.seen and one.verdict is not Verdict.FOREIGN:
            group = groups.setdefault(one.seen.facts.revisions, {})
            fingerprint = project.count(one.seen.snapshot).snapshot.fingerprint
            group.setdefault(fingerprint, (one.environment, one.seen))
    for position, group in groups.items():
        (a, first), *rest = group.values()
        for b, other in rest:
            pair = (project.count(seen.snapshot).snapshot for seen in (first, other))
            yield EnvironmentComparison(position, a, b, difference(*pair))


def remedy_for_environment(project: Project, one: EnvironmentStatus) -> Remedy:
    """Give the SQL that takes a drifted environment back to what its revision promises."""
    assert one.seen is not None
    facts = one.seen.facts
    scope = project.scope_of(project.config.declared(one.environment))
    live = project.count(one.seen.snapshot).snapshot
    roles = Roles.of(scope.migrator or facts.role, scope.roles)
    return remedy(live, project.history.at(facts.revisions), roles, facts.major)
