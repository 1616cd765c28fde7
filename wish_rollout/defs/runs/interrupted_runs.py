"""Runs whose process was killed: nobody is left to say so, so the next run does."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg
from dagster_shared.serdes.errors import DeserializationError

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.defs.runs.run_process import RunProcess
from wish_rollout.defs.runs.run_tags import BY, COMMAND_LINE, WORKER
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.postgres.sessions.process_locks import hold, is_lock_released, read_server_start
from wish_rollout.postgres.sessions.rollout_lock import refuse_pooler
from wish_rollout.sandbox.databases import DAGSTER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

LIFELINE = "wish_rollout/lifeline"
"""On a run whose lock is held: the run's own id."""
AT_MOST = 20
SILENT_SECONDS = 6 * 3600
"""How long a run on another machine must have said nothing. A lock that is gone is not proof of a process that is: a
firewall cuts sessions too; and a long statement says nothing while it lasts."""
GONE = "Its process is gone: it was killed, or its machine was. What it had committed stands; run it again to go on."


@contextmanager
def run_lock(instance: dg.DagsterInstance, run_id: str) -> Iterator[dict[str, str]]:
    """Hold a lock in Dagster's database while a run of ours lives; end those that nobody carries out any more.

    Gives the tags that say so of this run. Behind a pooler a lock tells nothing of a process, and a storage other
    than PostgreSQL has none: then Dagster's own ``max_runtime_seconds`` ends such runs.
    """
    tags = {BY: COMMAND_LINE, WORKER: f"{run_id} {RunProcess.here()}"}
    with ExitStack() as stack:
        url = os.environ.get(DAGSTER_VARIABLE)
        session = None
        try:
            if url:
                session = stack.enter_context(connect(url, DAGSTER_VARIABLE))
                refuse_pooler(session, DAGSTER_VARIABLE)
                tags |= {LIFELINE: run_id} if hold(session, run_id) else {}
        except (RolloutError, psycopg.Error):
            session = None  # what is lost is no more than the word that this run was killed
        if session:
            with suppress(psycopg.Error, DeserializationError):  # what others wrote must not end this run
                _end_abandoned(instance, session)
        yield tags


def _end_abandoned(instance: dg.DagsterInstance, session: psycopg.Connection[Any]) -> None:
    """End the runs whose lifeline was held, and is not any more, and whose process is gone as well.

    Re-execution copies tags, so only a tag that names its own run counts. When the server was started, it let go
    of all locks: of the runs before that nothing is known.
    """
    unfinished = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING], tags={BY: COMMAND_LINE}
    )
    since = read_server_start(session)
    for record in instance.get_run_records(unfinished, limit=AT_MOST):
        run = record.dagster_run
        known = run.tags.get(LIFELINE) == run.run_id and record.create_timestamp > since
        if known and is_lock_released(session, run.run_id) and _nobody_is_left(instance, run):
            now = instance.get_run_by_id(run.run_id)  # it may have ended well since the list was read
            if now and not now.is_finished:
                instance.report_run_failed(now, GONE)


def _nobody_is_left(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether a run's process has ended; of one on another machine: whether the run was silent for long."""
    of, _, text = run.tags.get(WORKER, "").partition(" ")
    worker = RunProcess.from_text(text) if of == run.run_id else None
    ended = worker.has_ended() if worker else None
    if ended is not None:
        return ended
    newest = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
    return not newest or newest[0].timestamp < time.time() - SILENT_SECONDS
