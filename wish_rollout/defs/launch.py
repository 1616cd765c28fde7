"""Execution of a job in this process, recorded in Dagster's instance like any other run."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import create_execution_plan, execute_run
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

from wish_rollout.defs.asset_keys import prefixed
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.defs.runs.interrupted_runs import run_lock
from wish_rollout.defs.runs.lost_storage import dagster_loss_as_error
from wish_rollout.defs.runs.run_outcome import RunOutcome, read_outcome
from wish_rollout.defs.runs.run_tags import AWAITING, HINT, REQUESTER, WHY
from wish_rollout.defs.runs.step_files import remove_old_files
from wish_rollout.rollout.approval.request import current_requester
from wish_rollout.rollout.execution.progress import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import dagster as dg
    from dagster._core.remote_origin import RemoteJobOrigin

    from wish_rollout.config import Config

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
REPOSITORY = "__repository__"
"""The name that Dagster gives to the repository of a ``Definitions`` object."""


def run_job(
    config: Config,
    job_name: str,
    run_config: Mapping[str, Any] | None = None,
    *,
    tags: Mapping[str, str] | None = None,
    report_step: Callable[[str], None] = lambda _: None,
) -> RunOutcome:
    """Execute a job in this process and return its result.

    ``job_name``, ``run_config``: with the names of jobs, ops and resources without the project's prefix. ``tags``:
    replace the tags that name the requester. ``report_step``: called with each step's name when it starts, and with
    each line of a migration's progress. Raises DagsterUnavailable, and DagsterLost if Dagster's storage fails during
    the run.
    """
    from wish_rollout.defs.code_location import build_definitions

    project = config.project.name
    job = build_definitions(config).resolve_job_def(prefixed(job_name, project))
    run_id = str(uuid.uuid4())
    with open_instance(config) as instance, run_lock(config, instance, run_id) as process_tags:
        instance.add_event_listener(run_id, lambda entry: _report_progress(entry, report_step, project))
        with dagster_loss_as_error(config, run_id):
            run = {
                "run_id": run_id,
                "run_config": {**QUIET, **prefixed_config(run_config or {}, project)},
                "tags": {
                    **job.run_tags,
                    ".dagster/repository": f"{REPOSITORY}@{config.location_name}",
                    **process_tags,
                    REQUESTER: current_requester(config.root),
                    **(tags or {}),
                },
                "remote_job_origin": job_origin(config, job.name),
            }
            success, events = _execute(instance, job, run)
            record = instance.get_run_by_id(run_id)
        remove_old_files(config)
        own_tags = record.tags if record else {}
        outcome = read_outcome(run_id, success, own_tags.get(AWAITING, ""), events)
        outcome.because, outcome.hint = own_tags.get(WHY, ""), own_tags.get(HINT, "")
        return outcome


def _execute(
    instance: dg.DagsterInstance, job: dg.JobDefinition, run: Mapping[str, Any]
) -> tuple[bool, list[dg.DagsterEvent]]:
    """Execute a job as ``JobDefinition.execute_in_process`` does, with the origin that it cannot set.

    ``run``: fields of the run. Without an origin, Dagster's UI cannot execute a run again, and its timeline does not
    show it.
    """
    plan = create_execution_plan(InMemoryJob(job), run["run_config"])
    result = execute_run(
        InMemoryJob(job), instance.create_run_for_job(job_def=job, execution_plan=plan, **run), instance
    )
    return result.success, list(result.all_events)


def job_origin(config: Config, job_name: str) -> RemoteJobOrigin:
    """Return the origin of a job: the code location by which Dagster's workspace knows the project."""
    location = RegisteredCodeLocationOrigin(config.location_name)
    return RemoteRepositoryOrigin(location, REPOSITORY).get_job_origin(job_name)


def prefixed_config(run_config: Mapping[str, Any], project: str) -> dict[str, Any]:
    """Return a run configuration in which ops and resources have the names of a project's definitions."""
    return {
        section: {prefixed(name, project): value for name, value in values.items()}
        if section in ("ops", "resources")
        else values
        for section, values in run_config.items()
    }


def _report_progress(entry: dg.EventLogEntry, report_step: Callable[[str], None], project: str) -> None:
    event = entry.dagster_event
    if event and event.is_step_start and event.step_key:
        name = event.step_key.rpartition(".")[2].removeprefix(prefixed("", project))
        report_step(name.replace("_", " "))
    elif event is None and entry.user_message.startswith(PREFIX):
        report_step(entry.user_message.removeprefix(PREFIX))
