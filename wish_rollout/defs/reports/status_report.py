"""The report of all environments, from their databases and from Dagster's instance."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES

from wish_rollout.core.approval.documents import TIME_FORMAT
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.plan.action import ROLLBACKS
from wish_rollout.core.plan.rollback_command import rollback_command
from wish_rollout.core.release.release import format_position
from wish_rollout.core.reports.status_report import EnvironmentReport, StatusReport, WaitingRequest
from wish_rollout.core.schema.delta_rendering import delta_lines
from wish_rollout.defs.asset_keys import schema_key
from wish_rollout.defs.drift.events import NO_DRIFT
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.postgres.records import ledger
from wish_rollout.rollout.approval.approval_progress import read_approval_progress, unused_requests
from wish_rollout.rollout.inspection.environment_status import read_environment_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target

MOST_EVALUATIONS = 500
"""So many evaluations of a check are read to find the first one of an episode."""


def read_status_report(
    project: Project, targets: Sequence[Target], progress: Callable[[str], None] = lambda _: None
) -> StatusReport:
    """Return the state of the targets. What Dagster's instance knows is left out if it cannot be read."""
    environments: list[EnvironmentReport] = []
    error, config = "", project.config
    for target in targets:
        progress(target.name)
        status = read_environment_status(project, target)
        environments.append(_environment(target, status))
    try:
        with open_instance(config) as instance:
            environments = [_with_events(project, instance, each) for each in environments]
    except RolloutError as problem:
        error = problem.fill(problem.summary)
    now = datetime.now(UTC).strftime(TIME_FORMAT)
    name = config.project.name or config.root.name
    return StatusReport(name, format_position(project.release.head), now, tuple(environments), error)


def _environment(target: Target, status: EnvironmentStatus) -> EnvironmentReport:
    state, assessment = status.state, status.assessment
    return EnvironmentReport(
        status.environment,
        target.environment.gated,
        status.verdict.value,
        status.position,
        _last_change(target, status.position) if state else "",
        status.pending,
        state.facts.version if state else "",
        state.snapshot.fingerprint if state else "",
        tuple(map(str, delta_lines(assessment.drift))),
        unmanaged=assessment.unmanaged,
        error=status.error,
    )


def _last_change(target: Target, position: str) -> str:
    """Return the time of the ledger's row that led to a position, or ""."""
    try:
        with target.connect() as connection:
            rows = list(ledger.read(connection))
    except RolloutError:
        return ""
    return f"{rows[-1].at[:19]}Z" if rows and rows[-1].act.end == position else ""


def _with_events(
    project: Project, instance: dg.DagsterInstance, each: EnvironmentReport
) -> EnvironmentReport:
    key = schema_key(each.environment, project.config.project.name)
    since = first_failure(instance, dg.AssetCheckKey(key, NO_DRIFT)) if each.drift else ""
    waiting = tuple(_waiting(project, instance, each.environment)) if each.gated and not each.error else ()
    return replace(each, drift_since=since, waiting=waiting)


def first_failure(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> str:
    """Return the time of the first of the latest successive failures of a check; "" if it did not fail last."""
    records: Sequence[Any] = instance.event_log_storage.get_asset_check_execution_history(
        check, limit=MOST_EVALUATIONS, status=COMPLETED_ASSET_CHECK_EXECUTION_RECORD_STATUSES
    )
    first = None
    for record in records:
        evaluation = record.event.dagster_event.asset_check_evaluation_data
        if evaluation.passed:
            break
        first = record.event.timestamp
    return datetime.fromtimestamp(first, UTC).strftime(TIME_FORMAT) if first is not None else ""


def _waiting(project: Project, instance: dg.DagsterInstance, name: str) -> Iterator[WaitingRequest]:
    """Yield the open requests for the database of an environment."""
    prefix = project.config.project.name
    recorded = approval_store.read_open_requests(instance, name, prefix)
    documents = approval_store.read_approval_documents(instance, name, prefix)
    unused = unused_requests(project, name, [each.request for each in recorded]) if recorded else []
    for request in unused or ():
        found = read_approval_progress(project, request, documents)
        is_approved = len(found.approvers) >= found.needed
        subject = request.subject
        is_rollback = subject.act in ROLLBACKS
        again = rollback_command(name, subject.act, subject.end) if is_rollback else "wish-rollout apply"
        command = again if is_approved else f"wish-rollout approve {name} --reason '…'"
        yield WaitingRequest(
            request.subject.act,
            request.subject.start,
            request.subject.end,
            request.requester,
            request.requested.strftime(TIME_FORMAT),
            request.expires.strftime(TIME_FORMAT),
            str(found),
            command,
        )
