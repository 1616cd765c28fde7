"""The drift sensor: it checks all environments, and starts ``drift_check`` when the state of one changes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.errors.base import ConfigurationError, RolloutError
from wish_rollout.core.errors.databases import DatabaseMissing
from wish_rollout.defs.asset_keys import prefixed, schema_key
from wish_rollout.defs.drift.cursor import DriftCursor, read_cursors, write_cursors
from wish_rollout.defs.drift.events import finding_of_status, read_recorded_finding
from wish_rollout.defs.drift.findings import Finding, report_answer, report_silence
from wish_rollout.defs.drift.job import drift_run_config
from wish_rollout.defs.drift.readings import Reading, read_environments
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.defs.runs.run_tags import HIDDEN
from wish_rollout.rollout.inspection.environment_status import status_of_state
from wish_rollout.rollout.project.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wish_rollout.config import Config, Environment
    from wish_rollout.core.plan.verdict import DriftAssessment
    from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus

SECONDS_BETWEEN_TICKS = 300
RELEASE_CHARACTERS = 8
"""Length of the release's digest in the cursor, which each tick stores: it only says whether the release was changed."""
EPISODE_TAG = f"{HIDDEN}drift_episode"
"""On the runs of one episode of drift: from the first finding until the schema is that of its revision again."""
DRIFT_TAG = "wish_rollout/drift"


def drift_sensor(config: Config, environments: Sequence[Environment]) -> dg.SensorDefinition:
    """Return the sensor that checks environments for drift. A tick on an unchanged database is one query."""
    names = [env.name for env in environments]

    @dg.sensor(
        name=prefixed("drift", config.project.name),
        job_name=prefixed("drift_check", config.project.name),
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Checks whether the schemas of {', '.join(names)} are those that their revisions define. "
            "Starts drift_check when drift begins, changes or ends."
        ),
    )
    def sense(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        with rollout_errors_as_failures():
            project = Project.load(config.path)
            cursors = read_cursors(context.cursor, names)
            return evaluate_drift(project, context.instance, cursors, context.log.error)

    return sense


@dataclass(frozen=True)
class _Tick:
    """What all environments of a tick share. ``release``: its digest. ``log``: of failed deliveries of notifications."""

    project: Project
    instance: dg.DagsterInstance
    release: str
    log: Callable[[str], None]


def evaluate_drift(
    project: Project,
    instance: dg.DagsterInstance,
    cursors: Mapping[str, DriftCursor],
    log: Callable[[str], None],
) -> dg.SensorResult:
    """Return a skip, or a request of a ``drift_check`` run for each environment whose drift has begun, changed or ended.

    ``instance``: has the recorded findings. ``cursors``: what the last tick left for each environment. ``log``: called with
    failed deliveries of notifications.
    A schema is read only if its catalog's change token or the release differs from the cursor's. A database that does
    not answer is no failed tick; after TICKS_UNTIL_UNREACHABLE of them it is one event and one notification. Raises
    ConfigurationError if the configuration of an environment is wrong and nothing has changed in the others.
    """
    release = project.assessment_digest[:RELEASE_CHARACTERS]
    readings = read_environments(project, cursors, release)
    tick = _Tick(project, instance, release, log)
    findings = {name: _find(tick, name, cursor, readings.get(name)) for name, cursor in cursors.items()}
    after = {name: finding.cursor for name, finding in findings.items()}
    requests = [request for finding in findings.values() for request in finding.requests]
    events = [event for finding in findings.values() for event in finding.events]
    errors = [finding.error for finding in findings.values() if finding.error]
    if errors and after == cursors and not requests:
        raise errors[0]
    reason = "; ".join(finding.reason for finding in findings.values() if finding.reason)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else reason,
        cursor=write_cursors(after),
        asset_events=events,
    )


def _find(tick: _Tick, name: str, cursor: DriftCursor, reading: Reading | RolloutError | None) -> Finding:
    """Return what a reading says about an environment; None: it was not tried."""
    if reading is None:
        return Finding(cursor, f"{name} was not tried: others took the time of the tick")
    try:
        if isinstance(reading, RolloutError):
            raise reading
        status = status_of_state(tick.project, name, reading.state) if reading.state else None
    except RolloutError as error:
        if isinstance(error, ConfigurationError) and not isinstance(error, DatabaseMissing):
            return Finding(cursor, error.fill(error.summary), error=error)
        return report_silence(tick.project, name, cursor, error, tick.log)
    events = report_answer(tick.project, name, cursor, tick.log) if cursor.is_reported_unreachable else []
    heard = replace(cursor, silent="", since="")
    if status is None:
        return Finding(heard, f"{name}: {cursor.verdict}, no change", events=events)
    read = replace(heard, token=reading.token, release=tick.release, verdict=status.verdict.value)
    if _is_recorded(tick, cursor, status):
        return Finding(read, f"{name} is {status.verdict}", events=events)
    return _request_check(tick.project, name, read, status.assessment, events)


def _is_recorded(tick: _Tick, cursor: DriftCursor, status: EnvironmentStatus) -> bool:
    """Return whether ``drift_check`` would record nothing new. The state token also changes for other reasons than drift."""
    if not cursor.episode:
        return status.assessment.allows_migration
    if status.assessment.allows_migration or cursor.release != tick.release:
        return False
    key = schema_key(status.environment, tick.project.config.project.name)
    return read_recorded_finding(tick.instance, key) == finding_of_status(status)


def _request_check(
    project: Project,
    environment: str,
    read: DriftCursor,
    assessment: DriftAssessment,
    events: list[dg.AssetObservation],
) -> Finding:
    """Return the request of a run that records what was found, or that the drift has ended."""
    name = project.config.project.name
    key = read.next_key or secrets.token_hex(16)
    episode = read.episode or key
    request = dg.RunRequest(
        run_key=f"drift:{prefixed(environment, name)}:{key}",
        run_config=drift_run_config([environment], name),
        tags={DRIFT_TAG: environment, EPISODE_TAG: episode},
    )
    after = replace(
        read, next_key=secrets.token_hex(16), episode="" if assessment.allows_migration else episode
    )
    return Finding(after, requests=[request], events=events)
