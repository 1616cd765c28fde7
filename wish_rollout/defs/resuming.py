"""The sensor that goes on where a gate was waiting."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.core.approval_errors import ApprovalUsed
from wish_rollout.core.errors import RolloutError
from wish_rollout.core.policy import grant
from wish_rollout.defs import approvals
from wish_rollout.defs.gatekeeping import RELEASE, REQUESTER, RESUMES
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
    known = {job.name for job in jobs}

    @dg.sensor(
        name="resume_on_approval",
        jobs=jobs,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Goes on when what a gated environment waits for has been approved, inside its window.",
    )
    def resume(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        project = Project.load(config.path)
        over: list[str] = json.loads(context.cursor) if context.cursor else []
        found, waiting = [], []
        for name in gated:
            # an event can be written by anybody: a job that there is not would fail every tick
            asks = [ask for ask in approvals.requests(context.instance, name) if ask.job in known]
            asked, reasons = next_granted(project, context.instance, asks, over)
            found += [asked] if asked else []
            waiting += reasons
        over += [asked.request.nonce for asked in found]
        skip = None if found else "; ".join(waiting) or "nothing waits for an approval"
        runs = [resumption(asked) for asked in found]
        return dg.SensorResult(run_requests=runs, skip_reason=skip, cursor=json.dumps(over[-REMEMBERED:]))

    return resume


def next_granted(
    project: Project, instance: dg.DagsterInstance, asks: Sequence[approvals.Asked], over: list[str]
) -> tuple[approvals.Asked | None, list[str]]:
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


def refuse_ungranted(project: Project, instance: dg.DagsterInstance, asked: approvals.Asked) -> None:
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


def resumption(asked: approvals.Asked) -> dg.RunRequest:
    """Ask for the run that goes on: the same job and release, with the same choices, for the same person."""
    return dg.RunRequest(
        run_key=f"approval:{asked.request.nonce}",
        job_name=asked.job,
        run_config=dict(asked.run_config),
        tags={
            RESUMES: asked.request.subject.environment,
            RELEASE: asked.request.subject.release,
            REQUESTER: asked.request.requester,
        },
    )
