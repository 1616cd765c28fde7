"""Runs whose process was killed: nobody is left to say so, so the next run does."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.errors import RolloutError
from wish_rollout.postgres.connect import connect
from wish_rollout.postgres.lifelines import hold, is_gone, up_since
from wish_rollout.postgres.locks import refuse_pooler
from wish_rollout.sandbox.databases import DAGSTER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

BY = "wish_rollout/by"
COMMAND_LINE = "command line"
LIFELINE = "wish_rollout/lifeline"
"""On a run whose lock is held: the run's own id."""
AT_MOST = 20
GONE = "Its process is gone: it was killed, or its machine was. What it had committed stands; run it again to go on."


@contextmanager
def lifeline(instance: dg.DagsterInstance, run_id: str) -> Iterator[dict[str, str]]:
    """Hold a lock in Dagster's database while a run of ours lives; end those whose lock nobody holds any more.

    Gives the tag that says so of this run. Behind a pooler a lock tells nothing of a process, and a storage other
    than PostgreSQL has none: then Dagster's own ``max_runtime_seconds`` ends such runs.
    """
    with ExitStack() as stack:
        url = os.environ.get(DAGSTER_VARIABLE)
        try:
            session = stack.enter_context(connect(url, DAGSTER_VARIABLE)) if url else None
            if session:
                refuse_pooler(session, DAGSTER_VARIABLE)
        except RolloutError:
            session = None
        held = session is not None and hold(session, run_id)
        if session:
            _end_abandoned(instance, session)
        yield {LIFELINE: run_id} if held else {}


def _end_abandoned(instance: dg.DagsterInstance, session: psycopg.Connection[Any]) -> None:
    """End the runs whose lifeline was held, and is not any more.

    Re-execution copies tags, so only a tag that names its own run counts. When the server was started, it let go
    of all locks: of the runs before that nothing is known.
    """
    unfinished = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING], tags={BY: COMMAND_LINE}
    )
    since = up_since(session)
    for record in instance.get_run_records(unfinished, limit=AT_MOST):
        run = record.dagster_run
        known = run.tags.get(LIFELINE) == run.run_id and record.create_timestamp > since
        if known and is_gone(session, run.run_id):
            instance.report_run_failed(run, GONE)
