"""Runs whose process was killed: nobody is left to say so, so the next run does."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.errors import RolloutError
from wish_rollout.postgres.connect import connect
from wish_rollout.postgres.lifelines import hold, is_gone
from wish_rollout.postgres.locks import refuse_pooler
from wish_rollout.sandbox.databases import DAGSTER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

BY = "wish_rollout/by"
COMMAND_LINE = "command line"
AT_MOST = 20
GONE = "Its process is gone: it was killed, or its machine was. What it had committed stands; run it again to go on."


@contextmanager
def lifeline(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Hold a lock in Dagster's database while a run of ours lives; end those whose lock nobody holds any more.

    Behind a pooler a lock tells nothing of a process, and a storage other than PostgreSQL has none: then
    Dagster's own ``max_runtime_seconds`` ends such runs.
    """
    with ExitStack() as stack:
        url = os.environ.get(DAGSTER_VARIABLE)
        try:
            session = stack.enter_context(connect(url, DAGSTER_VARIABLE)) if url else None
            if session:
                refuse_pooler(session, DAGSTER_VARIABLE)
        except RolloutError:
            session = None
        if session:
            hold(session, run_id)
            unfinished = dg.RunsFilter(
                statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING], tags={BY: COMMAND_LINE}
            )
            for run in instance.get_runs(unfinished, limit=AT_MOST):
                if is_gone(session, run.run_id):
                    instance.report_run_failed(run, GONE)
        yield
