"""Lost connections, immediate shutdowns and cancelled runs during a statement: the next run completes the release."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.fix_project import workspace_on
from tests.rollout.execution.test_concurrent_sessions import BackgroundMigration, until
from tests.rollout.execution.test_interrupted_releases import MIGRATE, assert_release_is_complete, prepare
from tests.servers import EMBEDDED, bindir_of
from wish_rollout.core.errors.statements import StatementFailedAfterCommit
from wish_rollout.sandbox import processes
from wish_rollout.sandbox.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fix_project import Workspace

BUILDING = "select count(*) from pg_stat_progress_create_index where phase like 'waiting%'"

SLOW = """
from alembic import op
revision, down_revision = "0008", "0007"


def upgrade() -> None:
    op.execute("CREATE TABLE slow (id int)")
    if op.get_bind().exec_driver_sql("SELECT to_regclass('wish_rollout.ledger') IS NOT NULL").scalar():
        op.execute("SELECT pg_sleep(500)")


def downgrade() -> None:
    op.execute("DROP TABLE slow")
"""


class Proxy:
    """Forwards connections to a server, until ``cut`` closes them, or ``freeze`` stops forwarding."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.open: list[socket.socket] = []
        self.frozen: set[socket.socket] = set()
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
                self.open += [client, server]
                threading.Thread(target=self.forward, args=(client, server), daemon=True).start()

    def forward(self, one: socket.socket, other: socket.socket) -> None:
        to = {one: other, other: one}
        with suppress(OSError, ValueError), one, other:
            while True:
                for source in select.select(to, [], [])[0]:
                    data = source.recv(65536)
                    while one in self.frozen:
                        time.sleep(0.05)
                    if not data:
                        return
                    to[source].sendall(data)

    def freeze(self, *, only_first: bool) -> None:
        """Accept data and forward none of it: on all connections, or on the first one."""
        self.frozen |= set(self.open[:1] if only_first else self.open)

    def cut(self) -> None:
        self.frozen.clear()
        for each in self.open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listener.close()
        self.cut()


@contextmanager
def during_index_build(workspace: Workspace) -> Iterator[BackgroundMigration]:
    """Keep the release in its concurrent index build: the build waits for an older snapshot while the block runs."""
    with psycopg.connect(workspace.urls["local"]) as other:
        other.execute("set transaction isolation level repeatable read")
        other.execute("select from alembic_version")
        migration = BackgroundMigration(workspace)
        end = time.monotonic() + 120
        while workspace.sql("local", BUILDING) == [(0,)]:
            assert migration.is_alive(), migration.error
            assert time.monotonic() < end
            time.sleep(0.01)
        yield migration


@pytest.mark.one_version
def test_lost_connection_during_a_statement(each_workspace: Workspace) -> None:
    workspace = each_workspace
    prepare(workspace)
    direct = workspace.urls["local"]
    proxy = Proxy(int(urlsplit(direct).port or 0))
    os.environ["LOCAL_DATABASE_URL"] = direct.replace(f"127.0.0.1:{proxy.port}", proxy.address)
    try:
        with during_index_build(workspace) as migration:
            proxy.cut()
            with pytest.raises(StatementFailedAfterCommit):
                migration.wait_for_end()
        os.environ["LOCAL_DATABASE_URL"] = direct

        workspace.migrate("local")
    finally:
        proxy.close()

    assert_release_is_complete(workspace)


def test_immediate_shutdown_during_a_statement(
    sandbox_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(bindir_of(EMBEDDED) or sandbox_home, sandbox_home)
    server.up()
    with workspace_on(server, tmp_path, "postgresql://nobody@127.0.0.1:1/none", monkeypatch) as workspace:
        prepare(workspace)
        with suppress(psycopg.OperationalError), during_index_build(workspace) as migration:
            (postmaster,) = [
                pid
                for pid, is_postmaster in processes.find_cluster_processes(server.process_name).items()
                if is_postmaster
            ]
            os.kill(postmaster, signal.SIGQUIT)  # an immediate shutdown
            with pytest.raises(StatementFailedAfterCommit):
                migration.wait_for_end()
        end = time.monotonic() + 120
        while processes.find_cluster_processes(server.process_name):
            assert time.monotonic() < end
            time.sleep(0.02)
        server.up()

        workspace.migrate("local")

        assert_release_is_complete(workspace)


def test_killed_worker_whose_session_executes_a_statement(workspace: Workspace) -> None:
    prepare(workspace)
    with psycopg.connect(workspace.urls["local"]) as other:
        other.execute("set transaction isolation level repeatable read")
        other.execute("select from alembic_version")
        worker = workspace.process([sys.executable, "-c", f"{MIGRATE}\nmigrate()"])
        until(workspace, BUILDING)
        worker.kill()
        worker.communicate(timeout=120)
        until(workspace, f"select (({BUILDING}) = 0)::int")  # the watchdog terminates the session

    workspace.migrate("local")

    assert_release_is_complete(workspace)


def test_terminated_backend_during_a_statement(workspace: Workspace) -> None:
    prepare(workspace)
    with during_index_build(workspace) as migration:
        workspace.sql("local", "select pg_terminate_backend(pid) from pg_stat_progress_create_index")
        with pytest.raises(StatementFailedAfterCommit):
            migration.wait_for_end()

    workspace.migrate("local")

    assert_release_is_complete(workspace)


def test_cancelled_dagster_run_during_a_statement(workspace: Workspace) -> None:
    prepare(workspace)
    with psycopg.connect(workspace.urls["local"]) as other:
        other.execute("set transaction isolation level repeatable read")
        other.execute("select from alembic_version")
        run = workspace.start("apply", "--until", "local")
        end = time.monotonic() + 120
        while workspace.sql("local", BUILDING) == [(0,)]:
            assert run.poll() is None, run.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)  # the signal that terminating a run in the UI sends
        out, err = run.communicate(timeout=120)
        assert run.returncode != 0, (out, err)

    again = workspace.cli("apply", "--until", "local")

    assert again.code == 0, again
    assert_release_is_complete(workspace)


def test_statement_of_a_cancelled_run_is_cancelled(workspace: Workspace) -> None:
    workspace.migrate("local")
    (workspace.root / "migrations/versions/0008_slow.py").write_text(SLOW)
    workspace.cli("generate", "--record")
    sleeping = "select count(*) from pg_stat_activity where query like '%pg_sleep(500)' and state = 'active'"
    run = workspace.start("apply", "--until", "local")
    until(workspace, sleeping)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=120)

    assert run.returncode == 1
    assert "error: The run was interrupted." in err
    assert "hint: " in err
    until(workspace, f"select 1 - ({sleeping})")
    assert (workspace.revision("local"), workspace.sql("local", "select to_regclass('slow')")) == (
        "0007",
        [(None,)],
    )
