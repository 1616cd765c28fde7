"""The sensors: one drift sensor for each environment, and ``resume_on_approval`` if an environment is gated."""

import json
from collections.abc import Sequence
from typing import Any

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.defs.resume_sensor import resume_sensor
from wish_rollout.defs.runs import json_parsing
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.postgres.catalog.change_token import change_token
from wish_rollout.postgres.catalog.database_state import read_database_state
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema
from wish_rollout.rollout.project.project import Project

SECONDS_BETWEEN_TICKS = 300


def drift_sensor(config: Config, env: Environment) -> dg.SensorDefinition:
    """Return the sensor that checks one environment for drift. A tick on an unchanged database is one query."""

    @dg.sensor(
        name=f"drift_{env.name}",
        job_name="drift_check",
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Checks whether the schema of {env.name} is the one that its revision defines. "
            "Starts drift_check for each new difference."
        ),
    )
    def sense(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        project = Project.load(config.path)
        previous = json_parsing.parse_string_mapping(context.cursor)
        with rollout_errors_as_failures():  # Dagster shows an unreachable database as a failed tick
            return evaluate_drift(project, env, previous)

    return sense


def evaluate_drift(project: Project, env: Environment, previous: dict[str, str]) -> dg.SensorResult:
    """Return a skip, or a run request for drift that was not reported before.

    ``previous``: the last tick's cursor. The schema is read only if the catalog's change token or the release differs
    from it.
    """
    target = project.target(env.name, f"wish-rollout drift sensor {env.name}")
    release = project.release_digest
    with target.connect() as connection:
        token = change_token(connection)
        if previous == {"token": token, "release": release, "verdict": previous.get("verdict", "")}:
            return dg.SensorResult(skip_reason=f"no change since the verdict {previous['verdict']}")
        state = read_database_state(connection, target.scope)
    assessment = EnvironmentSchema(project, state).assess()
    cursor = json.dumps({"token": token, "release": release, "verdict": assessment.verdict.value})
    if assessment.allows_migration:
        return dg.SensorResult(skip_reason=f"{env.name} is {assessment.verdict}", cursor=cursor)
    # with the token in the run key, drift that was resolved and occurs again starts another run
    run_key = f"{env.name}:{state.snapshot.fingerprint}:{release}:{token}"
    request = dg.RunRequest(
        run_key=run_key,
        run_config={"ops": {"check_drift": {"config": {"environments": [env.name]}}}},
        tags={"wish_rollout/drift": env.name},
    )
    return dg.SensorResult(run_requests=[request], cursor=cursor)


def sensors_for(config: Config, jobs: Sequence[Any]) -> list[dg.SensorDefinition]:
    """Return all sensors. ``jobs``: the jobs that ``resume_on_approval`` may launch."""
    drift_sensors = [drift_sensor(config, env) for env in config.environments]
    gated = any(env.gated for env in config.environments)
    return [*drift_sensors, resume_sensor(config, jobs)] if gated else drift_sensors
