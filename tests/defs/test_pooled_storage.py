"""Dagster's storage of dagster.yaml: it keeps its connections, and survives their end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import dagster as dg
import psycopg
import pytest

from tests.defs.test_interrupted_runs import dagster_database
from tests.fix_project import NO_TABLE_CREATION
from wish_rollout import dagster_storage
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fix_project import Workspace

BACKENDS = "select pid from pg_stat_activity where datname = %s"


@pytest.fixture(autouse=True)
def own_engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The engines of the test, which are closed afterwards."""
    monkeypatch.setattr(dagster_storage, "_engines", {})
    yield
    for engine in dagster_storage._engines.values():
        engine.dispose()


def backends(workspace: Workspace) -> set[int]:
    """Return the process IDs of the sessions of Dagster's database."""
    name = urlsplit(dagster_database()).path.removeprefix("/")
    with psycopg.connect(workspace.server.url("postgres", ADMIN)) as connection:
        return {pid for (pid,) in connection.execute(BACKENDS, [name]).fetchall()}


def read() -> None:
    """Read from each storage of an instance of its own."""
    with dg.DagsterInstance.get() as instance:
        instance.get_runs(limit=1)
        instance.fetch_materializations(dg.AssetKey("any"), limit=1)
        instance.all_instigator_state()


def test_all_instances_of_a_process_share_one_connection(workspace: Workspace) -> None:
    read()
    sessions = backends(workspace)
    assert len(sessions) == 1
    for _ in range(3):
        read()
    assert backends(workspace) == sessions


def test_a_command_records_events_of_assets_over_the_same_connections(workspace: Workspace) -> None:
    def record(instance: dg.DagsterInstance) -> None:
        instance.report_runless_asset_event(
            dg.AssetMaterialization("any", tags={"dagster/data_version": "1"})
        )

    with open_instance(workspace.project.config) as instance:
        record(instance)
        sessions = backends(workspace)
        for _ in range(3):
            record(instance)
        assert backends(workspace) == sessions


def test_a_table_is_looked_for_until_it_is_there(workspace: Workspace) -> None:
    with open_instance(workspace.project.config) as instance:
        storage: Any = instance.event_log_storage
        assert (storage.has_table("asset_keys"), storage.has_table("later")) == (True, False)
        with storage._engine.begin() as connection:
            connection.exec_driver_sql("create table later ()")
        assert storage.has_table("later")


def test_statements_of_a_command_are_limited(workspace: Workspace) -> None:
    for _ in range(2):
        with open_instance(workspace.project.config) as instance:
            storage: Any = instance.event_log_storage
            with storage._engine.connect() as connection:
                assert connection.exec_driver_sql("show statement_timeout").scalar() == "1min"


def test_lost_connection_is_opened_again(workspace: Workspace) -> None:
    read()
    name = urlsplit(dagster_database()).path.removeprefix("/")
    with psycopg.connect(workspace.server.url("postgres", ADMIN), autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
        )
    read()


@pytest.mark.parametrize(("quiet", "examined"), [(60.0, False), (0.0, True)])
def test_connection_is_examined_by_a_query_only_if_it_was_not_used_lately(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, quiet: float, examined: bool
) -> None:
    monkeypatch.setattr(dagster_storage, "QUIET_SECONDS", quiet)
    statements = logged_statements(workspace, read)
    assert any(each.startswith("SELECT runs.") for each in statements)
    assert ("SELECT 1" in statements) == examined


def test_columns_of_dagsters_tables_are_looked_for_once(workspace: Workspace) -> None:
    first = logged_statements(workspace, lambda: workspace.cli("apply", "--until", "local"))
    second = logged_statements(workspace, lambda: workspace.cli("apply", "--until", "staging"))
    columns = [sum("pg_catalog.pg_attribute." in each for each in run) for run in (first, second)]
    assert (columns[0] > 0, columns[1]) == (True, 0)


def logged_statements(workspace: Workspace, function: Callable[[], object]) -> list[str]:
    """Return the first lines of the statements that a function executes in Dagster's database, over new connections."""
    name = urlsplit(dagster_database()).path.removeprefix("/")
    with psycopg.connect(workspace.server.url("postgres", ADMIN), autocommit=True) as connection:
        connection.execute(f"alter database {name} set log_statement = 'all'".encode())
    start = workspace.server.log.stat().st_size
    function()
    with workspace.server.log.open() as log:
        log.seek(start)
        lines = [line for line in log.read().splitlines() if f"@{name} LOG:  statement: " in line]
    return [line.partition("statement: ")[2] for line in lines]


def test_tables_are_created_in_an_empty_database(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.edit("dagster.yaml", NO_TABLE_CREATION, "")
    url = workspace.add("canary").replace("postgresql://", "postgresql+psycopg2://")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", url)
    for _ in range(2):
        read()
    assert workspace.sql("canary", "select count(*) from runs") == [(0,)]


def test_a_forked_process_forgets_the_connections_of_its_parent(workspace: Workspace) -> None:
    read()
    sessions = backends(workspace)
    child = os.fork()
    if child == 0:
        os._exit(len(dagster_storage._engines))

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    read()
    assert backends(workspace) == sessions
