"""The drift sensors: each checks one environment, and starts ``drift_check`` when its state changes."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.errors.base import ConfigurationError, RolloutError
from wish_rollout.core.errors.databases import DatabaseMissing
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.defs.asset_keys import prefixed, schema_key
from wish_rollout.defs.drift.cursor import TICKS_UNTIL_UNREACHABLE, DriftCursor
from wish_rollout.defs.drift.job import drift_run_config
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.postgres.changes.change_token import change_token
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.rollout.inspection.notifications import send_to_receivers
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema
from wish_rollout.rollout.project.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.config import Config, Environment
    from wish_rollout.core.plan.verdict import DriftAssessment

SECONDS_BETWEEN_TICKS = 300
EPISODE_TAG = "wish_rollout/drift_episode"
"""On the runs of one episode of drift: from the first finding until the schema is that of its revision again."""
DRIFT_TAG = "wish_rollout/drift"


def drift_sensor(config: Config, env: Environment) -> dg.SensorDefinition:
    """Return the sensor that checks one environment for drift. A tick on an unchanged database is one query."""

    @dg.sensor(
        name=prefixed(f"drift_{env.name}", config.project.name),
        job_name=prefixed("drift_check", config.project.name),
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Checks whether the schema of {env.name} is the one that its revision defines. "
            "Starts drift_check when drift begins, changes or ends."
        ),
    )
    def sense(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        with rollout_errors_as_failures():
            project = Project.load(config.path)
            return evaluate_drift(project, env, DriftCursor.from_text(context.cursor), context.log.error)

    return sense


def evaluate_drift(
    project: Project, env: Environment, cursor: DriftCursor, log: Callable[[str], None]
) -> dg.SensorResult:
    """Return a skip, or a request of a ``drift_check`` run if drift has begun, changed or ended.

    ``cursor``: what the last tick left. ``log``: called with failed deliveries of notifications. The schema is read
    only if the catalog's change token or the release differs from the cursor's. A database that does not answer is no
    failed tick; after TICKS_UNTIL_UNREACHABLE of them it is one event and one notification. Raises
    ConfigurationError.
    """
    target = project.target(env.name, f"wish-rollout drift sensor {env.name}")
    release = project.release_digest
    assessment: DriftAssessment | None = None
    try:
        with target.connect() as connection:
            token = change_token(connection)
            if (token, release) != (cursor.token, cursor.release) or not cursor.verdict:
                state = read_database_state(connection, target.scope)
                assessment = EnvironmentSchema(project, state).assess()
    except RolloutError as error:
        if isinstance(error, ConfigurationError) and not isinstance(error, DatabaseMissing):
            raise
        return _report_silence(project, env, cursor, error, log)
    events = _report_answer(project, env, cursor, log) if cursor.is_reported_unreachable else []
    heard = replace(cursor, silent="", since="")
    if assessment is None:
        text = None if heard == cursor else heard.to_text()
        reason = f"no change since the verdict {cursor.verdict}"
        return dg.SensorResult(skip_reason=reason, cursor=text, asset_events=events)
    read = replace(heard, token=token, release=release, verdict=assessment.verdict.value)
    if assessment.allows_migration and not cursor.episode:
        reason = f"{env.name} is {assessment.verdict}"
        return dg.SensorResult(skip_reason=reason, cursor=read.to_text(), asset_events=events)
    return _request_check(project, env, read, assessment, events)


def _request_check(
    project: Project,
    env: Environment,
    read: DriftCursor,
    assessment: DriftAssessment,
    events: list[dg.AssetObservation],
) -> dg.SensorResult:
    """Return the request of a run that records what was found, or that the drift has ended."""
    name = project.config.project.name
    key = read.next_key or secrets.token_hex(16)
    episode = read.episode or key
    request = dg.RunRequest(
        run_key=f"drift:{prefixed(env.name, name)}:{key}",
        run_config=drift_run_config([env.name], name),
        tags={DRIFT_TAG: env.name, EPISODE_TAG: episode},
    )
    after = replace(
        read, next_key=secrets.token_hex(16), episode="" if assessment.allows_migration else episode
    )
    return dg.SensorResult(run_requests=[request], cursor=after.to_text(), asset_events=events)


def _report_silence(
    project: Project, env: Environment, cursor: DriftCursor, error: RolloutError, log: Callable[[str], None]
) -> dg.SensorResult:
    """Count a tick without an answer; record and notify once when there were too many."""
    ticks = cursor.silent_ticks + 1
    now = datetime.now(UTC).isoformat(timespec="seconds")
    after = replace(cursor, silent=str(ticks), since=cursor.since or now)
    reason = error.fill(error.summary)
    events = []
    if ticks == TICKS_UNTIL_UNREACHABLE:
        title = f"{env.name}: unreachable since {after.since}"
        events = [_observation(project, env, f"{title}. {reason}", "unreachable", after.since)]
        _notify(project, Notification(Event.UNREACHABLE, env.name, title, reason), log)
    count = f"{ticks} of {TICKS_UNTIL_UNREACHABLE} ticks" if ticks < TICKS_UNTIL_UNREACHABLE else "reported"
    skip = f"{env.name} does not answer since {after.since} ({count}): {reason}"
    return dg.SensorResult(skip_reason=skip, cursor=after.to_text(), asset_events=events)


def _report_answer(
    project: Project, env: Environment, cursor: DriftCursor, log: Callable[[str], None]
) -> list[dg.AssetObservation]:
    """Record and notify that an environment answers again that was reported as unreachable."""
    title = f"{env.name}: answers again, was unreachable since {cursor.since}"
    _notify(project, Notification(Event.REACHABLE, env.name, title, ""), log)
    return [_observation(project, env, title, "reachable", cursor.since)]


def _notify(project: Project, notice: Notification, log: Callable[[str], None]) -> None:
    """Send a notification with the next command and the address of the environment's asset."""
    url, key = (
        project.config.dagster.url.rstrip("/"),
        schema_key(notice.environment, project.config.project.name),
    )
    link = f"\n{url}/assets/{'/'.join(key.path)}" if url else ""
    text = f"{notice.text}\n\nwish-rollout status{link}".strip()
    send_to_receivers(project.config, replace(notice, text=text), log)


def _observation(
    project: Project, env: Environment, text: str, state: str, since: str
) -> dg.AssetObservation:
    key = schema_key(env.name, project.config.project.name)
    return dg.AssetObservation(key, description=text, metadata={"state": state, "since": since})
