"""Notifications that ops and hooks of a run send to the receivers of rollout.toml."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.core.plan.action import Action
from wish_rollout.core.release.release import format_position
from wish_rollout.core.text.redaction import redact
from wish_rollout.defs.asset_keys import schema_key
from wish_rollout.defs.resources import project_of
from wish_rollout.defs.runs.failures import ENVIRONMENT
from wish_rollout.rollout.inspection.notifications import send_to_receivers


def notify(
    context: dg.OpExecutionContext | dg.HookContext, config: Config, notification: Notification
) -> None:
    """Send a notification with the run's ID and address; log an error for each receiver that did not get it."""
    link = f"\n{config.dagster.url.rstrip('/')}/runs/{context.run_id}" if config.dagster.url else ""
    text = f"{notification.text}\n\nrun {context.run_id}{link}"
    send_to_receivers(config, replace(notification, text=text), context.log.error)


def notify_without_run(config: Config, notification: Notification, log: Callable[[str], None]) -> None:
    """Send a notification of a sensor, with the address of the environment's asset.

    ``log``: called with the text of each failed delivery.
    """
    url, key = config.dagster.url.rstrip("/"), schema_key(notification.environment, config.project.name)
    link = f"\n{url}/assets/{'/'.join(key.path)}" if url else ""
    send_to_receivers(config, replace(notification, text=f"{notification.text}{link}".strip()), log)


def notify_of_change(context: dg.OpExecutionContext, env: Environment, migrated: Mapping[str, Any]) -> None:
    """Notify that a gated environment was changed and verified, and that a failure has ended.

    ``migrated``: the fields of the migration (``Migrated.as_dict``).
    """
    config = project_of(context).config
    if failed_in_previous_run(config, context, env):
        title = f"{env.name}: {context.job_name} succeeded after a failure"
        text = f"verified at {format_position(migrated['end'])}"
        notify(context, config, Notification(Event.FAILED_ENDED, env.name, title, text))
    if env.gated and migrated["action"] != Action.NOTHING:
        revisions = f"{format_position(migrated['start'])} → {format_position(migrated['end'])}"
        title = f"{env.name}: {migrated['action']} {revisions}, verified"
        text = f"fingerprint {migrated['expected']}"
        notify(context, config, Notification(Event.ROLLED_OUT, env.name, title, text))


def failure_hook(
    config: Config, unless: Callable[[Mapping[str, str]], bool] = lambda _: False
) -> dg.HookDefinition:
    """Return the hook that sends a notification when a step fails.

    ``unless``: returns whether a run with these tags sends none.
    """

    @dg.failure_hook(name="notify_of_failure")
    def notify_of_failure(context: dg.HookContext) -> None:
        run = context.instance.get_run_by_id(context.run_id)
        if run and unless(run.tags):
            return
        name = failed_environment(config, context)
        prefix = f"{name}: " if name else ""
        text = f"{failure_reason(context.op_exception)}\n\nstep {context.step_key}"
        title = f"{prefix}{context.job_name} failed"
        notify(context, config, Notification(Event.FAILED, name, title, text))

    return notify_of_failure


def failed_in_previous_run(config: Config, context: dg.OpExecutionContext, env: Environment) -> bool:
    """Return whether the last run of the same job before this one has failed in an environment."""
    instance = context.instance
    previous = instance.get_runs(dg.RunsFilter(job_name=context.job_name), cursor=context.run_id, limit=1)
    if not previous or previous[0].status is not dg.DagsterRunStatus.FAILURE:
        return False
    for record in instance.all_logs(previous[0].run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        event = record.get_dagster_event()
        data = event.step_failure_data.user_failure_data
        if environment_of_step(config, event.step_key or "", data.metadata if data else {}) == env.name:
            return True
    return False


def failed_environment(config: Config, context: dg.HookContext) -> str:
    """Return the environment of a failed step, from its error or its op's name; "" if neither names one."""
    error = context.op_exception
    metadata = error.metadata if isinstance(error, dg.Failure) else {}
    return environment_of_step(config, context.op.name, metadata)


def environment_of_step(config: Config, step: str, metadata: Mapping[str, Any]) -> str:
    """Return the environment that the metadata of a step's error or the step's name names; "" if neither does."""
    names = [env.name for env in config.environment]
    value = metadata.get(ENVIRONMENT)
    if value and value.value in names:
        return str(value.value)
    return max((name for name in names if step.endswith(f"_{name}")), key=len, default="")


def failure_reason(error: BaseException | None) -> str:
    """Return a Failure's description, or the class and redacted text of another exception."""
    if isinstance(error, dg.Failure):
        return error.description or ""
    return redact(f"{type(error).__name__}: {error}")
