"""All sensors: one an environment that watches for drift, and the one that goes on behind a gate."""

import json
from collections.abc import Sequence
from typing import Any

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.core.plan.verdict import judge
from wish_rollout.defs.resume_sensor import resume_sensor
from wish_rollout.defs.runs import json_parsing
from wish_rollout.defs.runs.failures import told
from wish_rollout.postgres.catalog.change_token import change_token
from wish_rollout.postgres.catalog.database_state import look
from wish_rollout.rollout.project.project import Project

SECONDS_BETWEEN_TICKS = 300


def drift_sensor(config: Config, env: Environment) -> dg.SensorDefinition:
    """Watch one environment; a tick on an unchanged database is one small round trip."""

    @dg.sensor(
        name=f"drift_{env.name}",
        job_name="drift_check",
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Looks whether {env.name} is still what history promises for its revision.",
    )
    def sense(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        project = Project.load(config.path)
        before = json_parsing.pairs(context.cursor)
        with told():  # an unreachable database is a failed tick, which is shown in red
            return tick(project, env, before)

    return sense


def tick(project: Project, env: Environment, before: dict[str, str]) -> dg.SensorResult:
    """Look cheaply, and fully where that is in doubt; ask for a run for each new finding, once."""
    target = project.target(env.name, f"wish-rollout drift sensor {env.name}")
    release = project.release_digest
    with target.connect() as connection:
        token = change_token(connection)
        if before == {"token": token, "release": release, "verdict": before.get("verdict", "")}:
            return dg.SensorResult(skip_reason=f"nothing has changed since it was {before['verdict']}")
        seen = look(connection, target.scope)
    assessment = judge(project.release, seen, project.history.at, project.count)
    cursor = json.dumps({"token": token, "release": release, "verdict": assessment.verdict.value})
    if assessment.allows_migration:
        return dg.SensorResult(skip_reason=f"{env.name} is {assessment.verdict}", cursor=cursor)
    # the token is in it: the same drift, mended and there again, is a new finding
    finding = f"{env.name}:{seen.snapshot.fingerprint}:{release}:{token}"
    request = dg.RunRequest(
        run_key=finding,
        run_config={"ops": {"check_drift": {"config": {"environments": [env.name]}}}},
        tags={"wish_rollout/drift": env.name},
    )
    return dg.SensorResult(run_requests=[request], cursor=cursor)


def sensors_for(config: Config, jobs: Sequence[Any]) -> list[dg.SensorDefinition]:
    """Give all sensors; ``jobs`` are those that may wait at a gate."""
    watching = [drift_sensor(config, env) for env in config.environments]
    gated = any(env.gated for env in config.environments)
    return [*watching, resume_sensor(config, jobs)] if gated else watching
