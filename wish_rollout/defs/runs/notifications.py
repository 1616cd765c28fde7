"""Notifications that ops and hooks of a run send to the receivers of rollout.toml."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.core.plan.action import Action
from wish_rollout.core.release.release import format_position
from wish_rollout.core.text.redaction import redact
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


def notify_of_change(context: dg.OpExecutionContext, env: Environment, migrated: Mapping[str, Any]) -> None:
    """Notify that a gated environment was changed and verified.

    ``migrated``: the fields of the migration (``Migrated.as_dict``). Nothing is sent if nothing was changed.
    """
    if env.gated and migrated["action"] != Action.NOTHING:
        config = project_of(context).config
        revisions = f"{format_position(migrated['start'])} → {format_position(migrated['end'])}"
        title = f"{env.name}: {migrated['action']} {revisions}, verified"
        text = f"fingerprint {migrated['expected']}"
        notify(context, config, Notification(Event.ROLLED_OUT, env.name, title, text))


def failure_hook(config: Config) -> dg.HookDefinition:
    """Return the hook that sends a notification when a step fails."""

    @dg.failure_hook(name="notify_of_failure")
    def notify_of_failure(context: dg.HookContext) -> None:
        name = failed_environment(config, context)
        prefix = f"{name}: " if name else ""
        text = f"{failure_reason(context.op_exception)}\n\nstep {context.step_key}"
        title = f"{prefix}{context.job_name} failed"
        notify(context, config, Notification(Event.FAILED, name, title, text))

    return notify_of_failure


def failed_environment(config: Config, context: dg.HookContext) -> str:
    """Return the environment of a failed step, from its error or its op's name; "" if neither names one."""
    names = [env.name for env in config.environment]
    error = context.op_exception
    value = error.metadata.get(ENVIRONMENT) if isinstance(error, dg.Failure) else None
    if value and value.value in names:
        return str(value.value)
    return max((name for name in names if context.op.name.endswith(f"_{name}")), key=len, default="")


def failure_reason(error: BaseException | None) -> str:
    """Return a Failure's description, or the class and redacted text of another exception."""
    if isinstance(error, dg.Failure):
        return error.description or ""
    return redact(f"{type(error).__name__}: {error}")
