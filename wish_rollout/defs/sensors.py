"""One drift sensor an environment, and the one that resumes a rollout on approval."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.core.errors import RolloutError
from wish_rollout.core.policy import grant
from wish_rollout.core.verdict import judge as judge_schema
from wish_rollout.defs import approvals
from wish_rollout.defs.failures import told
from wish_rollout.defs.gatekeeping import REQUESTER
from wish_rollout.postgres.change_token import change_token
from wish_rollout.postgres.sighting import look
from wish_rollout.rollout.approving import judge, rules_of
from wish_rollout.rollout.project import Project

SECONDS_BETWEEN_LOOKS = 300
SECONDS_BETWEEN_RESUMES = 30
REMEMBERED = 50
"""How many resumed requests the cursor holds, so that a tick need not look at them again."""


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
    judgement = judge_schema(project.release, seen, project.history.at, project.count)
    cursor = json.dumps({"token": token, "release": release, "verdict": judgement.verdict.value})
    if judgement.may_go_on:
        return dg.SensorResult(skip_reason=f"{env.name} is {judgement.verdict}", cursor=cursor)
    # the token is in it: the same drift, mended and there again, is a new finding
    finding = f"{env.name}:{seen.snapshot.fingerprint}:{release}:{token}"
    request = dg.RunRequest(
        run_key=finding,
        run_config={"ops": {"check_drift": {"config": {"environments": [env.name]}}}},
        tags={"wish_rollout/drift": env.name},
    )
    return dg.SensorResult(run_requests=[request], cursor=cursor)


def resume_sensor(config: Config, jobs: Sequence[Any]) -> dg.SensorDefinition:
    """Go on where a gate was waiting, once for each request that has been granted.

    The run key is the request's nonce, and Dagster launches no second run for one that it has seen: whether
    the daemon died before or after it launched the run makes no difference. Signatures are checked here only
    so that nothing is launched in vain; the run checks everything anew.
    """
    gated = [env.name for env in config.environments if env.gated]

    @dg.sensor(
        name="resume_on_approval",
        jobs=jobs,
        minimum_interval_seconds=SECONDS_BETWEEN_RESUMES,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Goes on when what a gated environment waits for has been approved, inside its window.",
    )
    def resume(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        project = Project.load(config.path)
        launched: list[str] = json.loads(context.cursor) if context.cursor else []
        found, waiting = [], []
        for name in gated:
            for asked in approvals.requests(context.instance, name)[:1]:
                if asked.request.nonce not in launched:
                    reason = refusal(project, context.instance, asked)
                    found += [] if reason else [asked]
                    waiting += [reason] if reason else []
        launched = [*launched, *(asked.request.nonce for asked in found)][-REMEMBERED:]
        skip = None if found else "; ".join(waiting) or "nothing waits for an approval"
        runs = [resumption(asked) for asked in found]
        return dg.SensorResult(run_requests=runs, skip_reason=skip, cursor=json.dumps(launched))

    return resume


def refusal(project: Project, instance: dg.DagsterInstance, asked: approvals.Asked) -> str:
    """Say why a request is not granted yet; empty where it is, as far as can be told without its database."""
    name = asked.request.subject.environment
    try:
        rules = rules_of(project, project.target(name))
        counted, _ = judge(rules, asked.request.subject, approvals.documents(instance, name))
        grant(asked.request, counted.get(asked.request, []), rules.policy, datetime.now(UTC))
    except RolloutError as error:
        return error.say(error.what)
    return ""


def resumption(asked: approvals.Asked) -> dg.RunRequest:
    """Ask for the run that goes on: the same job, with the same choices, for the same person."""
    return dg.RunRequest(
        run_key=f"approval:{asked.request.nonce}",
        job_name=asked.job,
        run_config=dict(asked.run_config),
        tags={
            "wish_rollout/resumes": asked.request.subject.environment,
            REQUESTER: asked.request.requester,
        },
    )


def sensors_for(config: Config, jobs: Sequence[Any]) -> list[dg.SensorDefinition]:
    """Give all sensors; ``jobs`` are those that may wait at a gate."""
    watching = [drift_sensor(config, env) for env in config.environments]
    gated = any(env.gated for env in config.environments)
    return [*watching, resume_sensor(config, jobs)] if gated else watching
