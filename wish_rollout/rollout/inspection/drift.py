"""Drift report: what differs from the release in each environment, and between environments at one revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.plan.findings import DriftFinding, FindingKind
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.release.release import format_position
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.postgres.records.ddl_log import read_ddl_since_last_change
from wish_rollout.rollout.inspection.drift_findings import environment_findings
from wish_rollout.rollout.inspection.drift_remedies import remedy_for_environment
from wish_rollout.rollout.inspection.drift_report import DriftReport, EnvironmentComparison
from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus, read_environment_statuses
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema, without_baseline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wish_rollout.core.plan.ddl_record import DdlRecord
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


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
    from wish_rollout.rollout.project_commands.model_checks import models_drift

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
