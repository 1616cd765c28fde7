"""A rollout through separate processes, of which each is killed meanwhile: it ends done and consistent."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import LOCATION
from tests.deploy.processes import RUNS, Deployment
from tests.fix_dagster import create_tables, with_dagster_driver
from tests.fix_project import workspace_on
from tests.gate.test_daemon import QUEUE, QUICK_QUEUE, WORKSPACE
from tests.servers import EMBEDDED, bindir_of
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.postgres.sessions.rollout_lock import rollout_lock
from wish_rollout.sandbox import server_admin
from wish_rollout.sandbox.ports import choose_free_port
from wish_rollout.sandbox.server import Server
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fix_project import Workspace

ASKS = "select 1 from pg_stat_activity where datname = current_database() and query like 'select pg_try_advisory_lock%'"


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server of the test alone, which it may kill."""
    bindir = bindir_of(EMBEDDED)
    assert bindir
    server = Server(bindir, tmp_path / "server")
    server.up()
    try:
        yield server
    finally:
        server.remove()


@pytest.fixture
def deployment(own_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """The processes of a deployment, running."""
    with server_admin.connect(own_server.url("postgres", ADMIN)) as connection:
        server_admin.create_database(connection, "dagster", MIGRATOR)
    url = with_dagster_driver(own_server.url("dagster"))
    create_tables(url, tmp_path / "home_of_tables")
    root = tmp_path / "project"
    root.mkdir()
    with workspace_on(own_server, root, url, monkeypatch) as workspace, ExitStack() as stack:
        workspace.edit("dagster.yaml", QUEUE, QUICK_QUEUE)
        workspace.edit("rollout.toml", "disposable = true", "disposable = true\nlock_wait = 120")
        workspace.edit("rollout.toml", "gated = true", "gated = true\nlock_wait = 120")
        code, web = choose_free_port(), choose_free_port()
        (root / "location.py").write_text(LOCATION)
        (root / "grpc.yaml").write_text(WORKSPACE.format(port=code))
        grpc = ("dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(code), "-f", "location.py")
        commands = {
            "code": (*grpc, "--location-name", "wish_rollout"),
            "web": ("dagster_webserver", "-w", "grpc.yaml", "-h", "127.0.0.1", "-p", str(web)),
            "daemon": ("dagster._daemon", "run", "-w", "grpc.yaml"),
        }
        running = Deployment(workspace, commands, web)
        stack.callback(running.kill_all)
        for name in commands:
            running.start(name)
        yield running


@contextmanager
def locked(workspace: Workspace, name: str) -> Iterator[None]:
    """Hold the rollout lock of an environment, so that a run waits before its migration."""
    with connect(workspace.urls[name], "the test") as session, rollout_lock(session, name, 0):
        yield


def waits(workspace: Workspace, name: str) -> bool:
    """Return whether a run waits for the rollout lock of an environment."""
    return bool(workspace.sql(name, f"{ASKS} and application_name like 'wish-rollout run=%'"))


def test_rollout_survives_the_end_of_each_process(deployment: Deployment) -> None:
    workspace = deployment.workspace
    with locked(workspace, "local"):
        first = deployment.launch("rollout")
        deployment.until(lambda: waits(workspace, "local"), "the run waits in local")
        for name in ("web", "daemon"):
            deployment.kill(name)
            deployment.start(name)
    deployment.until(lambda: deployment.has_ended(first), "the first run ends")
    assert deployment.status(first) == "SUCCESS"
    assert [workspace.revision(name) for name in ("local", "staging", "prod")] == ["0007", "0007", None]

    with locked(workspace, "prod"):
        assert workspace.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0
        deployment.until(lambda: waits(workspace, "prod"), "the resumed run waits in prod")
        deployment.kill("code")  # and with it the run
        deployment.start("code")
        deployment.until(lambda: not waits(workspace, "prod"), "the run is dead")
        deployment.launch("rollout")
        deployment.until(lambda: waits(workspace, "prod"), "another run waits in prod")
        deployment.kill_database_server()
    last = deployment.launch("rollout")
    deployment.until(lambda: deployment.has_ended(last), "the last run ends")
    runs = deployment.query(RUNS)
    assert deployment.status(last) == "SUCCESS", runs
    expect_done(workspace)


def expect_done(workspace: Workspace) -> None:
    """Expect each environment at the head, by exactly one change, with a valid ledger and no drift."""
    for name in ("local", "staging", "prod"):
        assert workspace.revision(name) == "0007"
        assert workspace.sql(name, "select act from wish_rollout.ledger order by seq") == [("upgrade",)]
        assert workspace.cli("log", name, "--verify").code == 0
    workspace.assert_plan_is_empty()
    assert workspace.cli("drift").code == 0
