"""The sensor that resumes a rollout or rollback after its approval."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.core.approval.policy import authorize
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.gate.approvals import QuorumNotMet
from wish_rollout.core.errors.gate.requests import ApprovalUsed
from wish_rollout.core.plan.action import ROLLBACKS, Action
from wish_rollout.core.plan.rollback_command import rollback_command
from wish_rollout.defs import rollback_job
from wish_rollout.defs.asset_keys import prefixed
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.approval_events import RecordedRequest
from wish_rollout.defs.gate.signed_choices import choices_from_signed_text
from wish_rollout.defs.resources import CHOICES, resource_key
from wish_rollout.defs.runs import json_parsing
from wish_rollout.defs.runs.run_tags import RELEASE, REQUESTER, RESUME_KEY_PREFIX, RESUMES, RUN_KEY
from wish_rollout.rollout.approval.approval_validity import refuse_void_request
from wish_rollout.rollout.approval.approvals import refuse_used_request, sort_approvals
from wish_rollout.rollout.approval.approver_rules import approval_rules
from wish_rollout.rollout.project.project import Project

SECONDS_BETWEEN_TICKS = 30
MAX_SKIP_REASONS = 5
MAX_RUN_KEYS = 5
MAX_REMEMBERED_NONCES = 50
"""How many nonces of used requests the cursor keeps. A tick skips them without reading the database."""


def resume_sensor(config: Config, jobs: Sequence[Any]) -> dg.SensorDefinition:
    """Return the sensor that launches one run for each approved request of a gated environment.

    The run key is derived from the request's nonce, and Dagster launches only one run for a run key. So a restart of
    the daemon cannot launch a second run. A nonce in the database's ledger launches no run either, even if Dagster's
    records were lost. The cursor only avoids reads. The launched run verifies the approval again.
    """
    gated = [env.name for env in config.environments if env.gated]

    @dg.sensor(
        name=prefixed("resume_on_approval", config.project.name),
        jobs=jobs,
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Resumes a rollout or rollback when its request is approved and the change window is open. "
            "Each approved request starts one run."
        ),
    )
    def resume(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        project = Project.load(config.path)
        used = json_parsing.parse_strings(context.cursor)
        runs: list[dg.RunRequest] = []
        skip_reasons: list[str] = []
        for name in gated:
            run, reasons = next_resume_request(project, context.instance, name, used)
            runs += [run] if run else []
            skip_reasons += reasons
        skip = "; ".join(skip_reasons[:MAX_SKIP_REASONS]) or "no request waits for an approval"
        return dg.SensorResult(
            run_requests=runs,
            skip_reason=None if runs else skip,
            cursor=json.dumps(used[-MAX_REMEMBERED_NONCES:]),
        )

    return resume


def next_resume_request(
    project: Project, instance: dg.DagsterInstance, name: str, used: list[str]
) -> tuple[dg.RunRequest | None, list[str]]:
    """Return the run of an environment's first request that may resume, or the reason of each that may not.

    The nonces of used requests are appended to ``used``. For a request without approvals, the database is not read.
    """
    documents = approval_store.read_approval_documents(instance, name, project.config.project.name)
    approved = {approval_store.approval_nonce(document) for document in documents}
    reasons = []
    for recorded in approval_store.read_open_requests(instance, name, project.config.project.name):
        nonce = recorded.request.nonce
        if nonce in used:
            continue
        try:
            if nonce not in approved:
                policy = approval_rules(project, project.target(name)).policy
                raise QuorumNotMet(name, 0, policy.required_approvals(recorded.request), "nobody")
            refuse_ungranted_request(project, recorded, documents)
        except RolloutError as error:
            reasons.append(error.fill(error.summary))
            if isinstance(error, ApprovalUsed):
                used.append(nonce)
            continue
        run, reason = request_run_once(instance, resume_request(recorded, project.config))
        if run:
            return run, []
        reasons.append(reason)
    return None, reasons


def request_run_once(instance: dg.DagsterInstance, run: dg.RunRequest) -> tuple[dg.RunRequest | None, str]:
    """Return the run request, or None and the reason if its run was launched before.

    Another run with the same run key would prevent the launch. Then the request gets a different run key.
    """
    key = str(run.run_key)
    for _ in range(MAX_RUN_KEYS):
        existing = instance.get_runs(dg.RunsFilter(tags={RUN_KEY: key}))
        if not existing:
            return run._replace(run_key=key), ""
        launched = [each for each in existing if is_requested_run(each, run)]
        if launched:
            return None, describe_launched_run(launched[0], run)
        key = f"{run.run_key}:{existing[0].run_id}"
    return None, f"other runs use the run key {run.run_key}"


def describe_launched_run(launched: dg.DagsterRun, request: dg.RunRequest) -> str:
    """Return a run's ID and status; if it failed, also the command that continues manually."""
    text = f"run {launched.run_id[:8]} resumed it: {launched.status.value.lower()}"
    failed = launched.is_finished and not launched.is_success
    return f"{text}; continue manually: wish-rollout {manual_command(request)}" if failed else text


def is_requested_run(run: dg.DagsterRun, request: dg.RunRequest) -> bool:
    """Return whether a run has the job and tags of a run request, and is not a re-execution."""
    tags = {name: run.tags.get(name) for name in request.tags}
    return run.job_name == request.job_name and not run.parent_run_id and tags == dict(request.tags)


def manual_command(request: dg.RunRequest) -> str:
    """Return the arguments of wish-rollout that do the same as a requested run."""
    ops = request.run_config.get("ops")
    if not ops:
        return "apply"
    (config,) = (op["config"] for op in ops.values())
    act = Action.ROLLBACK_BY_REMEDY if config.get("by_remedy") else Action.ROLLBACK
    return rollback_command(config["environment"], act, config["to"]).removeprefix("wish-rollout ")


def refuse_ungranted_request(project: Project, recorded: RecordedRequest, documents: Sequence[str]) -> None:
    """Raise if a request may not resume now: it is not approved, used, or no longer matches the database.

    The database is read only if the approvals are sufficient.
    """
    name = recorded.request.subject.environment
    target = project.target(name, "wish-rollout resume sensor")
    rules = approval_rules(project, target)
    valid, _ = sort_approvals(rules, recorded.request.subject, documents)
    authorize(recorded.request, valid.get(recorded.request, []), rules.policy, datetime.now(UTC))
    with target.connect() as connection:
        refuse_used_request(connection, recorded.request)
    refuse_void_request(project, target, rules, recorded.request)


def resume_request(recorded: RecordedRequest, config: Config) -> dg.RunRequest:
    """Return the run request that continues an approved request, with the same requester.

    The job and its configuration follow from the signed text, whichever job recorded the request (for example
    Dagster's own job behind the Materialize button). Only the choices for other environments come from the record.
    """
    subject, prefix = recorded.request.subject, config.project.name
    if subject.act in ROLLBACKS:
        rollback: dict[str, Any] = {"environment": subject.environment, "to": subject.end}
        rollback |= {"by_remedy": True} if subject.act == Action.ROLLBACK_BY_REMEDY else {}
        job = rollback_job.JOB
        run_config: dict[str, Any] = {"ops": {prefixed(rollback_job.PLAN, prefix): {"config": rollback}}}
    else:
        job = "rollout"
        choices = choices_from_signed_text(recorded, config)
        run_config = {"resources": {resource_key(config, CHOICES): {"config": choices}}}
    return dg.RunRequest(
        run_key=f"{RESUME_KEY_PREFIX}{recorded.request.nonce}",
        job_name=prefixed(job, prefix),
        run_config=run_config,
        tags={
            RESUMES: subject.environment,
            RELEASE: subject.release,
            REQUESTER: recorded.request.requester,
        },
    )
