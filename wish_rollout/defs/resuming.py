"""The sensor that goes on where a gate was waiting."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.core.errors import RolloutError
from wish_rollout.core.plan import Action
from wish_rollout.core.policy import grant
from wish_rollout.core.request_errors import ApprovalUsed
from wish_rollout.defs import approvals
from wish_rollout.defs.approval_events import Asked
from wish_rollout.defs.claims import GOES_ON, RELEASE, REQUESTER, RESUMES
from wish_rollout.rollout.approving import judge, refuse_used, rules_of, standing
from wish_rollout.rollout.project import Project
from wish_rollout.rollout.standing import plan_as_asked, refuse_unlike

SECONDS_BETWEEN_LOOKS = 30
REMEMBERED = 50
"""How many requests that are over the cursor holds, so that a tick need not look at them again."""


def resume_sensor(config: Config, jobs: Sequence[Any]) -> dg.SensorDefinition:
    """Go on where a gate was waiting, once for each request that has been granted.

    What makes it once: the run key is the request's nonce, and Dagster launches no second run for one that it
    has seen, so it makes no difference whether the daemon died before or after it launched the run; and a
    nonce that is in the database's ledger launches nothing, whatever Dagster has forgotten. The cursor only
    saves looks. The run checks everything anew.
    """
    gated = [env.name for env in config.environments if env.gated]

    @dg.sensor(
        name="resume_on_approval",
        jobs=jobs,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Goes on when what a gated environment waits for has been approved, inside its window.",
    )
    def resume(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        project = Project.load(config.path)
        over = remembered(context.cursor)
        found, waiting = [], []
        for name in gated:
            asks = approvals.requests(context.instance, name)
            asked, reasons = next_granted(project, context.instance, asks, over)
            found += [asked] if asked else []
            waiting += reasons
        over += [asked.request.nonce for asked in found]
        skip = None if found else "; ".join(waiting) or "nothing waits for an approval"
        runs = [resumption(asked, config) for asked in found]
        return dg.SensorResult(run_requests=runs, skip_reason=skip, cursor=json.dumps(over[-REMEMBERED:]))

    return resume


def remembered(cursor: str | None) -> list[str]:
    """Read the cursor; one that is not ours is none, or every tick would fail."""
    with suppress(ValueError, TypeError, RecursionError):
        return [each for each in json.loads(cursor or "[]") if isinstance(each, str)]
    return []


def next_granted(
    project: Project, instance: dg.DagsterInstance, asks: Sequence[Asked], over: list[str]
) -> tuple[Asked | None, list[str]]:
    """Give the first of an environment's open requests that may go on; or why each of them does not.

    A request that was used up is added to ``over``.
    """
    reasons = []
    for asked in asks:
        if asked.request.nonce in over:
            continue
        try:
            refuse_ungranted(project, instance, asked)
        except RolloutError as error:
            reasons.append(error.say(error.what))
            if isinstance(error, ApprovalUsed):
                over.append(asked.request.nonce)
        else:
            return asked, []
    return None, reasons


def refuse_ungranted(project: Project, instance: dg.DagsterInstance, asked: Asked) -> None:
    """Raise why a request does not go on now: it is not granted, or used up, or not of what stands.

    The database is looked at only where everything else says yes.
    """
    name = asked.request.subject.environment
    target = project.target(name, "wish-rollout resume sensor")
    rules = rules_of(project, target)
    counted, _ = judge(rules, asked.request.subject, approvals.documents(instance, name))
    grant(asked.request, counted.get(asked.request, []), rules.policy, datetime.now(UTC))
    with target.connect() as connection:
        refuse_used(connection, asked.request)
    subject = standing(project, rules, plan_as_asked(project, target, asked.request.subject))
    refuse_unlike(asked.request, subject, rules)


def resumption(asked: Asked, config: Config) -> dg.RunRequest:
    """Ask for the run that goes on with what was approved, for the same person.

    Which job that is, and with what, follows from the signed text, whoever asked and by which job: Dagster's own one
    behind its Materialize button is as good. Beside the text stands only what was chosen for the other
    environments.
    """
    subject = asked.request.subject
    if subject.act == Action.ROLLBACK:
        back = {"environment": subject.environment, "to": subject.end}
        job = "rollback"
        run_config: dict[str, Any] = {"ops": {"rollback_environment": {"config": back}}}
    else:
        job = "rollout"
        run_config = {"resources": {"choices": {"config": chosen(asked, config)}}}
    return dg.RunRequest(
        run_key=f"{GOES_ON}{asked.request.nonce}",
        job_name=job,
        run_config=run_config,
        tags={
            RESUMES: subject.environment,
            RELEASE: subject.release,
            REQUESTER: asked.request.requester,
        },
    )


def chosen(asked: Asked, config: Config) -> dict[str, list[str]]:
    """Give the choices to go on with. Of the environment that was asked for, the signed text says which."""
    subject = asked.request.subject
    others = [env for env in config.environments if env.name != subject.environment]
    adopt = [env.name for env in others if env.name in asked.choices.adopt]
    if subject.act == Action.ADOPT:
        adopt.append(subject.environment)
    clean = [env.name for env in others if env.name in asked.choices.clean and env.disposable]
    return {"adopt": adopt, "clean": clean}
