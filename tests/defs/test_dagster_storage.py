"""Dagster's database: many first processes at once, and its end during a run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
from dagster._core.storage.runs.schema import RunStorageSqlMetadata
from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata

from tests.defs.test_interrupted_runs import await_step, dagster_database, statuses
from tests.fix_dagster import with_dagster_driver
from tests.fix_project import NO_TABLE_CREATION
from wish_rollout.postgres.catalog.foreign_objects import DAGSTER_TABLES, are_dagster_tables
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.postgres.sessions.rollout_lock import rollout_lock
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    import pytest

    from tests.fix_project import Workspace

PROCESSES = 8


def test_known_tables_are_the_tables_of_dagster() -> None:
    metadata = (RunStorageSqlMetadata, SqlEventLogStorageMetadata, ScheduleStorageSqlMetadata)
    assert {name for each in metadata for name in each.tables} | {"alembic_version"} == DAGSTER_TABLES
    assert are_dagster_tables(RunStorageSqlMetadata.tables)
    assert not are_dagster_tables({"jobs", "alembic_version"})
    assert not are_dagster_tables({*RunStorageSqlMetadata.tables, "orders"})


def test_many_first_processes_create_dagsters_tables_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.edit("dagster.yaml", NO_TABLE_CREATION, "")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", with_dagster_driver(workspace.add("canary")))
    processes = [workspace.start("requests") for _ in range(PROCESSES)]
    results = [workspace.wait_for(process, 200) for process in processes]
    assert [(each.code, each.err) for each in results] == [
        (0, "no request waits for an approval\n")
    ] * PROCESSES


def test_command_leaves_no_connection_open(workspace: Workspace) -> None:
    name = urlsplit(dagster_database()).path.removeprefix("/")
    query = f"select count(*) from pg_stat_activity where datname = '{name}'"
    assert workspace.cli("requests").code == 0
    end = time.monotonic() + 120
    while (left := workspace.sql("local", query)) != [(0,)] and time.monotonic() < end:
        time.sleep(0.02)  # a server process may still be ending
    assert left == [(0,)]


def await_attempt_to_lock(workspace: Workspace, holder: int) -> None:
    """Wait until another session than the holder's asks for the rollout lock: the step has no event left to write."""
    asks = "select pid from pg_stat_activity where datname = current_database() and query like 'select pg_try_advisory_lock%'"
    end = time.monotonic() + 120
    while not set(workspace.sql("local", asks)) - {(holder,)}:
        assert time.monotonic() < end, "nobody asked for the lock"
        time.sleep(0.02)


def test_end_of_dagsters_database_during_a_run(workspace: Workspace) -> None:
    """The command says what was done, and the next run ends the record of the interrupted one."""
    workspace.edit("rollout.toml", "disposable = true", "disposable = true\nlock_wait = 60")
    name = urlsplit(dagster_database()).path.removeprefix("/")
    with (
        psycopg.connect(workspace.server.url("postgres", ADMIN), autocommit=True) as admin,
        connect(workspace.urls["local"], "the test") as session,
    ):
        with rollout_lock(session, "local", 0):
            process = workspace.start("apply")
            await_step(workspace, "migrate_local")
            await_attempt_to_lock(workspace, session.info.backend_pid)
            admin.execute(f"alter database {name} allow_connections false")
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        ended = workspace.wait_for(process, 200)
        admin.execute(f"alter database {name} allow_connections true")
    message = [line for line in ended.err.splitlines() if not line.startswith("· ")]
    assert ended.code == 1, ended
    assert message[0].startswith("error: Dagster's own database stopped during run "), ended.err
    assert "done until then, from the ledgers: local: upgrade base → 0007." in message[0]
    assert message[2].startswith("hint: see the state: wish-rollout status"), ended.err
    assert "sqlalchemy" not in ended.err.lower()
    assert statuses(workspace) == ["STARTED"]

    assert workspace.cli("apply").code == 3

    assert statuses(workspace) == ["FAILURE", "SUCCESS"]
    assert [workspace.revision(name) for name in ("local", "staging", "prod")] == ["0007", "0007", None]
