"""Telling people from inside of a run."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.core.plan.plan import Action
from wish_rollout.core.release.release import say
from wish_rollout.core.text.redaction import redact
from wish_rollout.defs.runs.failures import ENVIRONMENT
from wish_rollout.rollout.inspection.notifications import send_to_receivers


def tell(context: dg.OpExecutionContext | dg.HookContext, config: Config, notice: Notification) -> None:
    """Tell those who want to know, and in which run it was; what could not be told is in the run's log."""
    send_to_receivers(config, replace(notice, text=f"{notice.text}\n\nrun {context.run_id}"), context.log.error)


def notify_of_change(context: dg.OpExecutionContext, env: Environment, migrated: Mapping[str, Any]) -> None:
    """Tell people that a gated environment was changed and is what was promised; ``migrated``: what was done."""
    if env.gated and migrated["action"] != Action.NOTHING:
        config = context.resources.project.project.config
        way = f"{say(migrated['start'])} → {say(migrated['end'])}"
        title = f"{env.name}: {migrated['action']} {way}, verified"
        text = f"fingerprint {migrated['expected']}"
        tell(context, config, Notification(Event.ROLLED_OUT, env.name, title, text))


def failure_hook(config: Config) -> dg.HookDefinition:
    """Make the hook that tells of a step that failed."""

    @dg.failure_hook(name="tell_of_failure")
    def told(context: dg.HookContext) -> None:
        name = environment_of(config, context)
        what = f"{name}: " if name else ""
        text = f"{reason(context.op_exception)}\n\nstep {context.step_key}"
        tell(context, config, Notification(Event.FAILED, name, f"{what}{context.job_name} failed", text))

    return told


def environment_of(config: Config, context: dg.HookContext) -> str:
    """Name the environment that a failed step is about, by its error or its name; empty where none is known."""
    names = [env.name for env in config.environment]
    error = context.op_exception
    said = error.metadata.get(ENVIRONMENT) if isinstance(error, dg.Failure) else None
    if said and said.value in names:
        return str(said.value)
    return max((name for name in names if context.op.name.endswith(f"_{name}")), key=len, default="")


def reason(error: BaseException | None) -> str:
    """Say why a step failed: our own text, or what was raised."""
    if isinstance(error, dg.Failure):
        return error.description or ""
    return redact(f"{type(error).__name__}: {error}")
