"""The connection cut in the middle of a statement, and the server stopped at once: run again, it converges."""

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

from tests.fix_project import road_on
from tests.rollout.test_cut_off import MIGRATE, assert_as_if_it_never_had_been, prepare
from tests.rollout.test_executing import Behind, until
from tests.servers import EMBEDDED, bindir_of
from wish_rollout.core.errors.databases import StatementFailedAfterCommit, RolloutLockHeld
from wish_rollout.sandbox import processes
from wish_rollout.sandbox.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fix_project import Road

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
    """Passes connections on to a server, until all of them are cut."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.open: list[socket.socket] = []
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
                threading.Thread(target=self.carry, args=(client, server), daemon=True).start()

    @staticmethod
    def carry(one: socket.socket, other: socket.socket) -> None:
        to = {one: other, other: one}
        with suppress(OSError, ValueError), one, other:
            while True:
                for source in select.select(to, [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    to[source].sendall(data)

    def cut(self) -> None:
        for each in self.open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listener.close()
        self.cut()


@contextmanager
def while_it_builds(road: Road) -> Iterator[Behind]:
    """Hold the release in the middle of its concurrent build, by an old snapshot that the build waits for."""
    with psycopg.connect(road.urls["local"]) as other:
        other.execute("set transaction isolation level repeatable read")
        other.execute("select from alembic_version")
        migration = Behind(road)
        end = time.monotonic() + 30
        while road.sql("local", BUILDING) == [(0,)]:
            assert migration.is_alive(), migration.error
            assert time.monotonic() < end
            time.sleep(0.01)
        yield migration


def test_a_connection_is_cut_in_the_middle_of_a_statement(each_road: Road) -> None:
    road = each_road
    prepare(road)
    direct = road.urls["local"]
    proxy = Proxy(int(urlsplit(direct).port or 0))
    os.environ["LOCAL_DATABASE_URL"] = direct.replace(f"127.0.0.1:{proxy.port}", proxy.address)
    try:
        with while_it_builds(road) as migration:
            proxy.cut()
            with pytest.raises(StatementFailedAfterCommit):
                migration.ended()
        os.environ["LOCAL_DATABASE_URL"] = direct

        road.migrate("local")
    finally:
        proxy.close()

    assert_as_if_it_never_had_been(road)


def test_the_server_stops_at_once_and_is_started_again(
    sandbox_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(bindir_of(EMBEDDED) or sandbox_home, sandbox_home)
    server.up()
    with road_on(server, tmp_path, "postgresql://nobody@127.0.0.1:1/none", monkeypatch) as road:
        prepare(road)
        with suppress(psycopg.OperationalError), while_it_builds(road) as migration:
            (find_postmaster,) = [
                pid
                for pid, is_postmaster in processes.find_cluster_processes(server.process_name).items()
                if is_postmaster
            ]
            os.kill(find_postmaster, signal.SIGQUIT)  # an immediate shutdown
            with pytest.raises(StatementFailedAfterCommit):
                migration.ended()
        end = time.monotonic() + 30
        while processes.find_cluster_processes(server.process_name):
            assert time.monotonic() < end
            time.sleep(0.02)
        server.up()

        road.migrate("local")

        assert_as_if_it_never_had_been(road)


def test_the_worker_is_killed_in_the_middle_of_a_statement_that_its_session_goes_on_with(road: Road) -> None:
    road.edit("rollout.toml", "disposable = true", "disposable = true\nlock_wait = 0")
    prepare(road)
    with psycopg.connect(road.urls["local"]) as other:
        other.execute("set transaction isolation level repeatable read")
        other.execute("select from alembic_version")
        worker = road.process([sys.executable, "-c", f"{MIGRATE}\nmigrate()"])
        until(road, BUILDING)
        worker.kill()
        worker.communicate(timeout=30)
        with pytest.raises(RolloutLockHeld):
            road.migrate("local")  # the server builds on, and holds the lock for it
    until(road, "select (count(*) = 0)::int from pg_locks where locktype = 'advisory'")

    road.migrate("local")

    assert_as_if_it_never_had_been(road)


def test_the_backend_is_terminated_in_the_middle_of_a_statement(road: Road) -> None:
    prepare(road)
    with while_it_builds(road) as migration:
        road.sql("local", "select pg_terminate_backend(pid) from pg_stat_progress_create_index")
        with pytest.raises(StatementFailedAfterCommit):
            migration.ended()

    road.migrate("local")

    assert_as_if_it_never_had_been(road)


def test_a_dagster_run_is_cancelled_in_the_middle_of_a_statement(road: Road) -> None:
    prepare(road)
    with psycopg.connect(road.urls["local"]) as other:
        other.execute("set transaction isolation level repeatable read")
        other.execute("select from alembic_version")
        run = road.start("apply", "--until", "local")
        end = time.monotonic() + 60
        while road.sql("local", BUILDING) == [(0,)]:
            assert run.poll() is None, run.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)  # what terminating a run in the UI sends to its worker
        out, err = run.communicate(timeout=60)
        assert run.returncode != 0, (out, err)

    again = road.cli("apply", "--until", "local")

    assert again.code == 0, again
    assert_as_if_it_never_had_been(road)


def test_what_a_cancelled_run_was_waiting_for_ends_with_it(road: Road) -> None:
    road.migrate("local")
    (road.root / "migrations/versions/0008_slow.py").write_text(SLOW)
    road.cli("generate", "--record")
    sleeping = "select count(*) from pg_stat_activity where query like '%pg_sleep(500)' and state = 'active'"
    run = road.start("apply", "--until", "local")
    until(road, sleeping)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=60)

    assert run.returncode == 1
    assert "error: The run was interrupted." in err
    assert "hint: " in err
    until(road, f"select 1 - ({sleeping})")
    assert (road.revision("local"), road.sql("local", "select to_regclass('slow')")) == ("0007", [(None,)])
