"""The runs that resume approved requests: their job, configuration, tags and run key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.plan.action import ROLLBACKS, Action
from wish_rollout.core.plan.rollback_command import rollback_command
from wish_rollout.defs import rollback_job
from wish_rollout.defs.asset_keys import prefixed
from wish_rollout.defs.fleet import rollback_job as fleet_rollback_job
from wish_rollout.defs.gate.signed_choices import choices_from_signed_text
from wish_rollout.defs.resources import CHOICES, resource_key
from wish_rollout.defs.runs.run_tags import RELEASE, REQUESTER, RESUME_KEY_PREFIX, RESUMES, RUN_KEY

if TYPE_CHECKING:
    from wish_rollout.config import Config
    from wish_rollout.defs.gate.approval_events import RecordedRequest

MAX_RUN_KEYS = 5


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
    if names := config.get("targets"):
        chosen = " ".join(f"--target {name}" for name in names)
        return f"rollback {config['environment']} {chosen} --to {config['to']}"
    act = Action.ROLLBACK_BY_REMEDY if config.get("by_remedy") else Action.ROLLBACK
    return rollback_command(config["environment"], act, config["to"]).removeprefix("wish-rollout ")


def resume_request(recorded: RecordedRequest, config: Config) -> dg.RunRequest:
    """Return the run request that continues an approved request, with the same requester.

    The job and its configuration follow from the signed text, whichever job recorded the request (for example
    Dagster's own job behind the Materialize button). Only the choices for other environments come from the record.
    """
    subject, prefix = recorded.request.subject, config.project.name
    run_config: dict[str, Any]
    if subject.act in ROLLBACKS and recorded.wave:
        chosen = {
            "environment": subject.environment,
            "targets": list(recorded.wave.targets),
            "to": subject.end,
        }
        job, run_config = fleet_rollback_job.JOB, {}
        run_config["ops"] = {prefixed(fleet_rollback_job.OP, prefix): {"config": chosen}}
    elif subject.act in ROLLBACKS:
        rollback: dict[str, Any] = {"environment": subject.environment, "to": subject.end}
        rollback |= {"by_remedy": True} if subject.act == Action.ROLLBACK_BY_REMEDY else {}
        job = rollback_job.JOB
        run_config = {"ops": {prefixed(rollback_job.PLAN, prefix): {"config": rollback}}}
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
