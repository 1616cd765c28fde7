"""Scratch databases are dropped, also after their process was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.sandbox.starters import kill, line, start, until
from wish_rollout.sandbox.scratch_databases import PREFIX, scratch_database, scratch_server
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from wish_rollout.sandbox.server import Server

HOLD = (
    "with scratch_database(server.url('postgres')) as url: say(url.rpartition('/')[2]); sys.stdin.readline()"
)
REPLAY = "with scratch_server(server) as url: say('in'); sys.stdin.readline()"


def scratch_databases(server: Server) -> set[str]:
    with psycopg.connect(server.url("postgres", ADMIN)) as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX])
        return {row[0] for row in rows}


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def test_scratch_database_is_dropped_afterwards(server: Server) -> None:
    with scratch_database(server.url("postgres")) as url:
        assert name_of(url) in scratch_databases(server)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE public.t (a int)")
            assert connection.execute("SHOW synchronous_commit").fetchone() == ("off",)
            connection.execute("RESET ALL")
            assert connection.execute("SHOW synchronous_commit").fetchone() == ("off",)
    assert name_of(url) not in scratch_databases(server)


def test_scratch_database_is_dropped_with_open_sessions_after_an_error(server: Server) -> None:
    opened = []

    def raise_inside() -> None:
        with scratch_database(server.url("postgres")) as url:
            opened.append((url, psycopg.connect(url)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        raise_inside()
    url, lingering = opened[0]
    assert name_of(url) not in scratch_databases(server)
    lingering.close()


def test_scratch_database_is_dropped_after_its_session_was_terminated(server18: Server) -> None:
    admin = psycopg.connect(server18.url("postgres", ADMIN), autocommit=True)
    with admin, scratch_database(server18.url("postgres")) as url:
        terminated = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE %s AND pid <> pg_backend_pid()",
            [f"%{name_of(url)}%"],
        ).fetchall()
    assert terminated == [(True,)]
    assert name_of(url) not in scratch_databases(server18)


def test_sweep_drops_only_databases_of_killed_processes(server: Server) -> None:
    dead, alive = start(server, HOLD), start(server, HOLD)
    left, used = line(dead), line(alive)
    kill(dead)
    assert {left, used} <= scratch_databases(server)

    def swept() -> bool:  # the server notices the closed connection with a delay
        with scratch_database(server.url("postgres")):
            return left not in scratch_databases(server)

    until(swept)
    assert used in scratch_databases(server)
    alive.communicate("\n", timeout=120)
    assert used not in scratch_databases(server)


def test_scratch_databases_over_different_databases_do_not_drop_each_other(
    server18: Server, database18: str
) -> None:
    with scratch_database(database18) as first, scratch_database(server18.url("postgres")) as second:
        assert {name_of(first), name_of(second)} <= scratch_databases(server18)


def test_a_replay_starts_the_server_and_stops_it_again(own: Server) -> None:
    with scratch_server(own) as url:
        assert own.is_running
        psycopg.connect(url).close()
    assert not own.is_running


def test_a_replay_does_not_stop_a_server_started_by_up(own: Server) -> None:
    own.up()
    with scratch_server(own):
        pass
    assert own.is_running


def test_up_during_a_replay_keeps_the_server_running(own: Server) -> None:
    with scratch_server(own):
        own.up()
    assert own.is_running


def test_the_last_of_several_replays_stops_the_server(own: Server) -> None:
    other = start(own, REPLAY)
    assert line(other) == "in"
    with scratch_server(own):
        other.communicate("\n", timeout=120)
        assert own.is_running
    assert not own.is_running


def test_the_server_of_a_killed_replay_is_stopped_by_the_next(own: Server) -> None:
    other = start(own, REPLAY)
    assert line(other) == "in"
    kill(other)
    assert own.is_running
    with scratch_server(own):
        pass
    assert not own.is_running
