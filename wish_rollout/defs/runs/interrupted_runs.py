"""Detection of runs whose process was killed. The next run reports them as failed."""

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
from wish_rollout.defs.runs.run_tags import COMMAND_LINE, LAUNCHED_BY, PROCESS
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.postgres.sessions.process_locks import (
    acquire_process_lock,
    is_lock_released,
    read_server_start,
)
from wish_rollout.postgres.sessions.rollout_lock import refuse_pooler
from wish_rollout.sandbox.databases import DAGSTER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN_LOCK = "wish_rollout/lifeline"
"""Tag of a run that holds its advisory lock. Its value is the run's ID."""
MAX_CHECKED_RUNS = 20
SILENT_SECONDS = 6 * 3600
"""Time without an event after which a run of another machine is reported as failed. A released lock alone does not
prove that the process has ended: a firewall may close a session, and a long statement writes no events."""
KILLED_MESSAGE = (
    "The run's process was killed, or its machine was stopped. Committed changes are kept. "
    "Run the same command again to continue."
)


@contextmanager
def run_lock(instance: dg.DagsterInstance, run_id: str) -> Iterator[dict[str, str]]:
    """Hold an advisory lock in Dagster's database while this run executes; report killed runs as failed.

    Yields the tags that identify this run's process and lock. The lock is omitted where it proves nothing about a
    process: behind a connection pooler, and with a storage other than PostgreSQL. There, Dagster's run monitoring
    (``max_runtime_seconds``) ends such runs.
    """
    tags = {LAUNCHED_BY: COMMAND_LINE, PROCESS: f"{run_id} {RunProcess.here()}"}
    with ExitStack() as stack:
        url = os.environ.get(DAGSTER_VARIABLE)
        session = None
        try:
            if url:
                session = stack.enter_context(connect(url, DAGSTER_VARIABLE))
                refuse_pooler(session, DAGSTER_VARIABLE)
                tags |= {RUN_LOCK: run_id} if acquire_process_lock(session, run_id) else {}
        except (RolloutError, psycopg.Error):
            session = (
                None  # the run continues: without the lock, only its own end by a signal stays unreported
            )
        if session:
            with suppress(psycopg.Error, DeserializationError):  # foreign records must not end this run
                _fail_killed_runs(instance, session)
        yield tags


def _fail_killed_runs(instance: dg.DagsterInstance, session: psycopg.Connection[Any]) -> None:
    """Report runs as failed whose lock was held and is released, and whose process has ended.

    Only a tag with the run's own ID counts, because a re-execution copies tags. Runs that began before the server was
    started are skipped, because a server start releases all locks.
    """
    unfinished = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING], tags={LAUNCHED_BY: COMMAND_LINE}
    )
    server_start = read_server_start(session)
    for record in instance.get_run_records(unfinished, limit=MAX_CHECKED_RUNS):
        run = record.dagster_run
        had_lock = run.tags.get(RUN_LOCK) == run.run_id and record.create_timestamp > server_start
        if had_lock and is_lock_released(session, run.run_id) and _has_process_ended(instance, run):
            current = instance.get_run_by_id(run.run_id)  # it may have finished since the list was read
            if current and not current.is_finished:
                instance.report_run_failed(current, KILLED_MESSAGE)


def _has_process_ended(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Return whether a run's process has ended; on another machine, whether it was silent for SILENT_SECONDS."""
    run_id, _, text = run.tags.get(PROCESS, "").partition(" ")
    process = RunProcess.from_text(text) if run_id == run.run_id else None
    ended = process.has_ended() if process else None
    if ended is not None:
        return ended
    newest = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
    return not newest or newest[0].timestamp < time.time() - SILENT_SECONDS
