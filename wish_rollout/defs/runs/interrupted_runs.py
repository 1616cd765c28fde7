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
from wish_rollout.defs.runs.lost_storage import describe_acts
from wish_rollout.defs.runs.run_process import RunProcess
from wish_rollout.defs.runs.run_tags import COMMAND_LINE, LAUNCHED_BY, PROCESS, RUN_LOCK, technical_tag
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

    from wish_rollout.config import Config

MAX_CHECKED_RUNS = 20
UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
SILENT_SECONDS = 6 * 3600
"""Time without an event after which a run of another machine is reported as failed. A released lock alone does not
prove that the process has ended: a firewall may close a session, and a long statement writes no events."""
KILLED_MESSAGE = (
    "The run's process was killed, its machine was stopped, or Dagster's database was lost. Committed changes are kept. "
    "Run the same command again to continue."
)


@contextmanager
def run_lock(config: Config, instance: dg.DagsterInstance, run_id: str) -> Iterator[dict[str, str]]:
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
                _fail_killed_runs(config, instance, session)
        yield tags


def _fail_killed_runs(config: Config, instance: dg.DagsterInstance, session: psycopg.Connection[Any]) -> None:
    """Report runs as failed whose process has ended, with what they have done according to the ledgers.

    Only a tag with the run's own ID counts, because a re-execution copies tags. A process of another machine cannot be
    checked: its run must have held its lock, and released it. A server start releases all locks, so the lock of a run
    that began before it proves nothing.
    """
    unfinished = dg.RunsFilter(statuses=UNFINISHED, tags={LAUNCHED_BY: COMMAND_LINE})
    server_start = read_server_start(session)
    for record in instance.get_run_records(unfinished, limit=MAX_CHECKED_RUNS):
        run = record.dagster_run
        had_lock = technical_tag(run, RUN_LOCK) == run.run_id and record.create_timestamp > server_start
        ended = _process_has_ended(run)
        if ended or (
            ended is None and had_lock and is_lock_released(session, run.run_id) and _is_silent(instance, run)
        ):
            current = instance.get_run_by_id(run.run_id)  # it may have finished since the list was read
            if current and not current.is_finished:
                done = describe_acts(config, run.run_id)
                instance.report_run_failed(current, f"{KILLED_MESSAGE} Done before its end: {done}.")


def _process_has_ended(run: dg.DagsterRun) -> bool | None:
    """Return whether a run's process has ended, or None if it is another machine's or unknown."""
    run_id, _, text = technical_tag(run, PROCESS).partition(" ")
    process = RunProcess.from_text(text) if run_id == run.run_id else None
    return process.has_ended() if process else None


def _is_silent(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Return whether a run has written no event for SILENT_SECONDS."""
    newest = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
    return not newest or newest[0].timestamp < time.time() - SILENT_SECONDS
