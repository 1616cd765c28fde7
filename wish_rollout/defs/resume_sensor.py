"""The sensor that goes on where a gate was waiting."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.core.approval.policy import grant
from wish_rollout.core.errors.approvals import QuorumNotMet
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.requests import ApprovalUsed
from wish_rollout.core.plan.plan import Action
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.approval_events import RowRequirement
from wish_rollout.defs.runs import json_parsing
from wish_rollout.defs.runs.run_tags import RESUME_KEY_PREFIX, RELEASE, REQUESTER, RESUMES, RUN_KEY
from wish_rollout.rollout.approval.approval_validity import refuse_void_request
from wish_rollout.rollout.approval.approvals import judge, refuse_used_request, approval_rules
from wish_rollout.rollout.project.project import Project

SECONDS_BETWEEN_TICKS = 30
TOLD = 5
TAKEN_AT_MOST = 5
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
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Goes on when what a gated environment waits for has been approved, inside its window.",
    )
    def resume(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        project = Project.load(config.path)
        over = json_parsing.texts(context.cursor)
        runs: list[dg.RunRequest] = []
        waiting: list[str] = []
        for name in gated:
            run, reasons = next_resume_request(project, context.instance, name, over)
            runs += [run] if run else []
            waiting += reasons
        skip = None if runs else "; ".join(waiting[:TOLD]) or "nothing waits for an approval"
        return dg.SensorResult(run_requests=runs, skip_reason=skip, cursor=json.dumps(over[-REMEMBERED:]))

    return resume


def next_resume_request(
    project: Project, instance: dg.DagsterInstance, name: str, over: list[str]
) -> tuple[dg.RunRequest | None, list[str]]:
    """Give the run that goes on with the first of an environment's requests that may; or why each of them does not.

    A request that was used up is added to ``over``. Those that nobody has approved cost no look.
    """
    documents = approval_store.documents(instance, name)
    approved = {approval_store.approval_nonce(document) for document in documents}
    reasons = []
    for asked in approval_store.requests(instance, name):
        nonce = asked.request.nonce
        if nonce in over:
            continue
        try:
            if nonce not in approved:
                raise QuorumNotMet(
                    name, 0, approval_rules(project, project.target(name)).policy.persons(asked.request), "nobody"
                )
            refuse_ungranted_request(project, asked, documents)
        except RolloutError as error:
            reasons.append(error.fill(error.summary))
            if isinstance(error, ApprovalUsed):
                over.append(nonce)
            continue
        run, reason = once(instance, resume_request(asked, project.config))
        if run:
            return run, []
        reasons.append(reason)
    return None, reasons


def once(instance: dg.DagsterInstance, run: dg.RunRequest) -> tuple[dg.RunRequest | None, str]:
    """Give the run to ask for; nothing, and why, where it was launched already.

    A run that somebody else launched under its key would keep it from being launched: then it gets another one.
    """
    key = str(run.run_key)
    for _ in range(TAKEN_AT_MOST):
        there = instance.get_runs(dg.RunsFilter(tags={RUN_KEY: key}))
        if not there:
            return run._replace(run_key=key), ""
        ours = [each for each in there if is_requested_run(each, run)]
        if ours:
            said = f"run {ours[0].run_id[:8]} went on with it: {ours[0].status.value.lower()}"
            ended = ours[0].is_finished and not ours[0].is_success
            return None, f"{said}; go on by hand: wish-rollout {by_hand(run)}" if ended else said
        key = f"{run.run_key}:{there[0].run_id}"
    return None, f"runs that others launched hold its run key {run.run_key}"


def is_requested_run(there: dg.DagsterRun, run: dg.RunRequest) -> bool:
    """Whether a run is the one that would be asked for."""
    tags = {name: there.tags.get(name) for name in run.tags}
    return there.job_name == run.job_name and not there.parent_run_id and tags == dict(run.tags)


def by_hand(run: dg.RunRequest) -> str:
    """Say which command does what a run was to do."""
    if run.job_name != "rollback":
        return "apply"
    config = run.run_config["ops"]["rollback_environment"]["config"]
    return f"rollback {config['environment']} --to {config['to']}"


def refuse_ungranted_request(project: Project, asked: RowRequirement, documents: Sequence[str]) -> None:
    """Raise why a request does not go on now: it is not granted, or used up, or not of what stands.

    The database is looked at only where everything else says yes.
    """
    name = asked.request.subject.environment
    target = project.target(name, "wish-rollout resume sensor")
    rules = approval_rules(project, target)
    counted, _ = judge(rules, asked.request.subject, documents)
    grant(asked.request, counted.get(asked.request, []), rules.policy, datetime.now(UTC))
    with target.connect() as connection:
        refuse_used_request(connection, asked.request)
    refuse_void_request(project, target, rules, asked.request)


def resume_request(asked: RowRequirement, config: Config) -> dg.RunRequest:
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
        run_key=f"{RESUME_KEY_PREFIX}{asked.request.nonce}",
        job_name=job,
        run_config=run_config,
        tags={
            RESUMES: subject.environment,
            RELEASE: subject.release,
            REQUESTER: asked.request.requester,
        },
    )


def chosen(asked: RowRequirement, config: Config) -> dict[str, list[str]]:
    """Give the choices to go on with. Of the environment that was asked for, the signed text says which."""
    subject = asked.request.subject
    others = [env for env in config.environments if env.name != subject.environment]
    adopt = [env.name for env in others if env.name in asked.choices.adopt]
    if subject.act == Action.ADOPT:
        adopt.append(subject.environment)
    clean = [env.name for env in others if env.name in asked.choices.clean and env.disposable]
    return {"adopt": adopt, "clean": clean}
