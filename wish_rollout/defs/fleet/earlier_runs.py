"""Runs of an earlier rollout's backfills that are still at work on targets of a fleet."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.defs.asset_keys import schema_key
from wish_rollout.defs.fleet.signs_of_life import AT_WORK, SignsOfLife
from wish_rollout.defs.fleet.wave_of_run import FLEET
from wish_rollout.defs.runs.run_tags import ROLLOUT
from wish_rollout.rollout.execution.progress import PREFIX

if TYPE_CHECKING:
    from wish_rollout.config import Config, Environment

POLL_SECONDS, REPORT_SECONDS = 2.0, 30.0
SILENT_SECONDS = 180.0
"""A run gives a sign of life every minute. One that gives none is waited for no longer: its process was killed."""


def await_earlier_runs(context: dg.OpExecutionContext, config: Config, env: Environment) -> None:
    """Wait until the runs that another rollout has launched have ended, or give no sign of life any more.

    They begin no other target if the run that has launched them has ended. Runs in the queue are not waited for. The rollout
    lock of each target prevents that two runs change it, also where one is not waited for.
    """
    tags = {FLEET: schema_key(env.name, config.project.name).to_user_string()}
    wanted = dg.RunsFilter(statuses=AT_WORK, tags=tags)
    signs, reported_at = SignsOfLife(), float("-inf")
    while True:
        runs = [run for run in context.instance.get_runs(wanted) if run.tags.get(ROLLOUT) != context.run_id]
        signs.note(runs)
        if not runs or signs.are_missing_for(SILENT_SECONDS):
            break
        if time.monotonic() - reported_at >= REPORT_SECONDS:
            reported_at = time.monotonic()
            count = f"{len(runs)} runs" if len(runs) > 1 else "a run"
            context.log.info(f"{PREFIX}{env.name}: {count} of an earlier rollout still change targets")
        threading.Event().wait(POLL_SECONDS)
    if runs:
        names = ", ".join(run.run_id for run in runs)
        context.log.warning(f"{env.name}: runs of an earlier rollout have given no sign of life: {names}")
