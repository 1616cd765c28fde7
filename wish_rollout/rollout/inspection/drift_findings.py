"""Findings of one environment in the drift report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.plan.findings import DriftFinding, FindingKind
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.plan.verification_checks import find_invalid_objects
from wish_rollout.core.release.release import format_position
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wish_rollout.core.release.release import Release
    from wish_rollout.core.schema.snapshot import Key
    from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus
    from wish_rollout.rollout.project.project import Project

FINDING_KINDS = {
    Verdict.IN_STEP: FindingKind.IN_STEP,
    Verdict.BEHIND: FindingKind.PENDING,
    Verdict.AHEAD: FindingKind.AHEAD,
    Verdict.FOREIGN: FindingKind.FOREIGN,
    Verdict.UNREACHABLE: FindingKind.UNREACHABLE,
    Verdict.LOCKED: FindingKind.LOCKED,
}
"""The finding of each verdict other than DRIFTED, whose finding depends on the revision."""


def environment_findings(
    project: Project, status: EnvironmentStatus, statuses: Sequence[EnvironmentStatus]
) -> Iterator[DriftFinding]:
    """Yield the findings of one environment, the one of its verdict first."""
    names = (status.environment,)
    kind = _finding_kind(project, status)
    yield DriftFinding(kind, names, _finding_detail(kind, status, project.release))
    if status.state and status.verdict is Verdict.DRIFTED:
        schema = EnvironmentSchema(project, status.state)
        for name in find_invalid_objects(schema.at(schema.position), schema.live):
            yield DriftFinding(FindingKind.INVALID, names, name)
        for object_kind, name in _objects_only_here(status, statuses):
            yield DriftFinding(FindingKind.ONLY_HERE, names, f"{object_kind} {name}")
    for name in status.assessment.unmanaged:
        yield DriftFinding(FindingKind.UNMANAGED, names, name)


def _finding_kind(project: Project, status: EnvironmentStatus) -> FindingKind:
    at_head = status.state is not None and status.state.facts.revisions == project.release.head
    return FINDING_KINDS.get(status.verdict, FindingKind.SAME_HEAD if at_head else FindingKind.DRIFTED)


def _finding_detail(kind: FindingKind, status: EnvironmentStatus, release: Release) -> str:
    position = status.position
    match kind:
        case FindingKind.PENDING:
            return f"{', '.join(status.pending)} after {position}"
        case FindingKind.AHEAD:
            schema_position = format_position(status.assessment.schema_position or ())
            return f"the version table contains {position}, but the schema is that of {schema_position}"
        case FindingKind.FOREIGN:
            return _foreign_detail(status, release)
        case FindingKind.UNREACHABLE | FindingKind.LOCKED:
            return status.error
        case FindingKind.IN_STEP:
            return f"at {position}"
        case _:
            return f"at {position}: {summarize_delta(status.assessment.drift)}"


def _foreign_detail(status: EnvironmentStatus, release: Release) -> str:
    nearest, drift = format_position(status.assessment.schema_position or ()), status.assessment.drift
    unknown = f"{status.position} is not a position of this release"
    revisions = status.state.facts.revisions if status.state else ()
    if release.by_id.keys() >= set(revisions) and not release.includes_start(revisions):
        start = format_position(release.start)
        unknown = f"{status.position} is before {start}, where the recorded history begins"
    if not drift:
        return f"{unknown}; the schema is that of {nearest}"
    return f"{unknown}; the most similar schema, of {nearest}, differs: {summarize_delta(drift)}"


def _objects_only_here(status: EnvironmentStatus, statuses: Sequence[EnvironmentStatus]) -> list[Key]:
    others = [other.state.snapshot.objects for other in statuses if other.state and other is not status]
    if not others:
        return []
    return [
        (change.kind, change.name)
        for change in status.assessment.drift.changes
        if change.change == "added" and not any((change.kind, change.name) in each for each in others)
    ]
