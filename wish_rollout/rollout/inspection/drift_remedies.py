"""Remedies of a drift: the SQL that leads back, and its rehearsal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.remedy.statements import Gap, Remedy
from wish_rollout.core.schema.snapshot import remove_objects
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.inspection.drift_report import DriftReport
    from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus
    from wish_rollout.rollout.project.project import Project


NOT_DROPPED = 'a partition or child table made at run time is never dropped; to allow it: [scope] runtime_partitions = "report"'


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
    from wish_rollout.rollout.project.remedy_rehearsal import rehearse

    rehearsed = {}
    for status in report.statuses:
        if status.environment in report.remedies and status.state is not None:
            live, target = _remedy_schemas(project, EnvironmentSchema(project, status.state))
            found = report.remedies[status.environment]
            rehearsed[status.environment] = rehearse(found, live, target, project.config)
    return replace(report, remedies={**report.remedies, **rehearsed})
