"""One drift sensor an environment, and the one that resumes a rollout on approval."""

import json

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.core.errors import RolloutError
from wish_rollout.core.verdict import judge
from wish_rollout.defs import approvals
from wish_rollout.postgres.sighting import look
from wish_rollout.rollout.project import Project

SECONDS_BETWEEN_LOOKS = 300
SECONDS_BETWEEN_RESUMES = 30


def drift_sensor(config: Config, env: Environment) -> dg.SensorDefinition:
    """Watch one environment; a tick on an unchanged database is one small round trip."""

    @dg.sensor(
        name=f"drift_{env.name}",
        job_name="drift_check",
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Looks whether {env.name} is still what history promises for its revision.",
    )
    def sense(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        project = Project.load(config.path)
        before = json.loads(context.cursor) if context.cursor else {}
        try:
            return tick(project, env, before)
        except RolloutError as error:
            return dg.SensorResult(skip_reason=error.say(error.what), cursor=None)

    return sense


def tick(project: Project, env: Environment, before: dict[str, str]) -> dg.SensorResult:
    """Look cheaply, and fully where that is in doubt; ask for a run for each new finding, once."""
    from wish_rollout.postgres.change_token import change_token

    target = project.target(env.name, f"wish-rollout drift sensor {env.name}")
    release = project.release_digest
    with target.connect() as connection:
        token = change_token(connection)
        if before == {"token": token, "release": release, "verdict": before.get("verdict", "")}:
            return dg.SensorResult(skip_reason=f"nothing has changed since it was {before['verdict']}")
        seen = look(connection, target.scope)
    judgement = judge(project.release, seen, project.history.at, project.count)
    cursor = json.dumps({"token": token, "release": release, "verdict": judgement.verdict.value})
    if judgement.may_go_on:
        return dg.SensorResult(skip_reason=f"{env.name} is {judgement.verdict}", cursor=cursor)
    finding = f"{env.name}:{'+'.join(seen.facts.revisions)}:{seen.snapshot.fingerprint}:{release}"
    request = dg.RunRequest(
        run_key=finding,
        run_config={"ops": {"check_drift": {"config": {"environments": [env.name]}}}},
        tags={"wish_rollout/drift": env.name},
    )
    return dg.SensorResult(run_requests=[request], cursor=cursor)


def resume_sensor(config: Config) -> dg.SensorDefinition:
    """Launch the road again, once for each new approval; it checks everything anew before it goes on."""
    gated = [env.name for env in config.environments if env.gated]

    @dg.sensor(
        name="resume_on_approval",
        job_name="rollout",
        minimum_interval_seconds=SECONDS_BETWEEN_RESUMES,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Goes on with the rollout when a gated environment's plan has been approved.",
    )
    def resume(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        seen: dict[str, int] = json.loads(context.cursor) if context.cursor else {}
        requests = []
        for name in gated:
            result = context.instance.fetch_materializations(approvals.key(name), limit=1)
            newest = result.records[0].storage_id if result.records else 0
            if newest > seen.get(name, 0):
                seen[name] = newest
                tags = {"wish_rollout/resumes": name}
                requests.append(dg.RunRequest(run_key=f"approval:{name}:{newest}", tags=tags))
        skip = None if requests else "no new approval"
        return dg.SensorResult(run_requests=requests, skip_reason=skip, cursor=json.dumps(seen))

    return resume


def sensors_for(config: Config) -> list[dg.SensorDefinition]:
    """Give all sensors."""
    watching = [drift_sensor(config, env) for env in config.environments]
    return [*watching, resume_sensor(config)] if any(env.gated for env in config.environments) else watching
