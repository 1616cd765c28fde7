"""Drift report: what differs from the release in each environment, and between environments at one revision."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.plan.findings import HARMLESS, UNREADABLE, DriftFinding, FindingKind
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.release.release import format_position
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.remedy.statements import Gap, Remedy
from wish_rollout.core.schema.column_order import is_column_move
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.schema.snapshot import remove_objects
from wish_rollout.postgres.records.ddl_log import read_ddl_since_last_change
from wish_rollout.rollout.inspection.drift_findings import environment_findings
from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus, read_environment_statuses
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema, without_baseline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wish_rollout.core.plan.ddl_record import DdlRecord
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target

NOT_DROPPED = (
    'a partition made at run time is never dropped here; to allow it: [scope] runtime_partitions = "report"'
)


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


def read_drift_report(project: Project, targets: Sequence[Target], *, models: bool = False) -> DriftReport:
    """Read each target, and return the drift report.

    ``models``: compare the schema of the SQLAlchemy models too, which replays the scripts on a scratch database.
    """
    statuses = read_environment_statuses(project, targets)
    comparisons = tuple(_compare_environments(project, statuses))
    remedies = {
        status.environment: remedy_for_environment(project, status)
        for status in statuses
        if status.state and status.assessment.drift
    }
    model_delta = _compare_with_models(project) if models else None
    findings = [finding for status in statuses for finding in environment_findings(project, status, statuses)]
    for each in comparisons:
        position, summary = format_position(each.position), summarize_delta(each.delta)
        detail = f"{each.a} and {each.b} are both at {position}, but their schemas differ: {summary}"
        findings.append(DriftFinding(FindingKind.BETWEEN, (each.a, each.b), detail))
    if model_delta:
        detail = f"{project.config.release.models}: {summarize_delta(model_delta)}"
        findings.append(DriftFinding(FindingKind.MODELS, (), detail))
    ddl = {target.name: _read_ddl(target) for target in targets if target.name in remedies}
    return DriftReport(statuses, tuple(findings), comparisons, remedies, model_delta, ddl)


def _read_ddl(target: Target) -> tuple[DdlRecord, ...]:
    """Return the recorded DDL since the last rollout; none if it cannot be read, since it only explains a finding."""
    try:
        with target.connect() as connection:
            return read_ddl_since_last_change(connection)
    except RolloutError:
        return ()


def _compare_with_models(project: Project) -> Delta | None:
    from wish_rollout.rollout.scripts.model_checks import models_drift

    return models_drift(project)


def _compare_environments(
    project: Project, statuses: Sequence[EnvironmentStatus]
) -> Iterator[EnvironmentComparison]:
    """Yield the comparisons between environments at one revision: each different schema with the first one."""
    groups: dict[Position, dict[str, tuple[str, Snapshot]]] = {}
    for status in statuses:
        if status.state and status.verdict is not Verdict.FOREIGN:
            snapshot = without_baseline(EnvironmentSchema(project, status.state), status.assessment.drift)
            group = groups.setdefault(status.state.facts.revisions, {})
            group.setdefault(snapshot.fingerprint, (status.environment, snapshot))
    for position, group in groups.items():
        (a, first), *rest = group.values()
        for b, other in rest:
            yield EnvironmentComparison(position, a, b, difference(first, other))


def remedy_for_environment(project: Project, status: EnvironmentStatus) -> Remedy:
    """Return the SQL that changes a drifted environment's schema to the one of its revision.

    For an unknown revision or an empty version table, it is the SQL that leads to the most similar schema of the release.

    The environment's state must have been read.
    """
    assert status.state is not None
    facts = status.state.facts
    scope = project.scope_of(project.config.find_environment(status.environment))
    schema = EnvironmentSchema(project, status.state)
    roles = Roles.of(scope.migrator or facts.role, scope.roles)
    live, target = _remedy_schemas(project, schema)
    found = remedy(live, target, roles, facts.major)
    gaps = tuple(Gap("table", name, NOT_DROPPED) for name in project.runtime_partitions(schema.live))
    return replace(found, gaps=(*found.gaps, *gaps)) if gaps else found


def _remedy_schemas(project: Project, schema: EnvironmentSchema) -> tuple[Snapshot, Snapshot]:
    """Return the live schema that a remedy changes, without partitions made at run time, and the one it leads to."""
    target = schema.at(schema.remedy_position)
    partitions = project.runtime_partitions(schema.live)
    return remove_objects(schema.live, {("table", name) for name in partitions}), target


def rehearse_remedies(project: Project, report: DriftReport) -> DriftReport:
    """Return a drift report whose remedies were run on a scratch database, with what came of it."""
    from wish_rollout.rollout.inspection.remedy_rehearsal import rehearse

    rehearsed = {}
    for status in report.statuses:
        if status.environment in report.remedies and status.state is not None:
            live, target = _remedy_schemas(project, EnvironmentSchema(project, status.state))
            found = report.remedies[status.environment]
            rehearsed[status.environment] = rehearse(found, live, target, project.config)
    return replace(report, remedies={**report.remedies, **rehearsed})
