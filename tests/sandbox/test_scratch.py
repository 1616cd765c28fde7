"""Scratch databases vanish, however their owner ends."""

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


def test_it_is_fresh_and_ours_and_gone_afterwards(server: Server) -> None:
    with scratch_database(server.url("postgres")) as url:
        assert name_of(url) in scratch_databases(server)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE public.t (a int)")
    assert name_of(url) not in scratch_databases(server)


def test_it_is_dropped_though_sessions_are_in_it_and_the_block_failed(server: Server) -> None:
    opened = []

    def fail_inside() -> None:
        with scratch_database(server.url("postgres")) as url:
            opened.append((url, psycopg.connect(url)))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    url, lingering = opened[0]
    assert name_of(url) not in scratch_databases(server)
    lingering.close()


def test_it_is_dropped_though_the_session_that_keeps_it_was_cut(server18: Server) -> None:
    admin = psycopg.connect(server18.url("postgres", ADMIN), autocommit=True)
    with admin, scratch_database(server18.url("postgres")) as url:
        cut = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE %s AND pid <> pg_backend_pid()",
            [f"%{name_of(url)}%"],
        ).fetchall()
    assert cut == [(True,)]
    assert name_of(url) not in scratch_databases(server18)


def test_what_a_killed_process_left_is_swept_and_what_is_in_use_is_not(server: Server) -> None:
    dead, alive = start(server, HOLD), start(server, HOLD)
    left, used = line(dead), line(alive)
    kill(dead)
    assert {left, used} <= scratch_databases(server)

    def swept() -> bool:  # the server may need a moment to see that the owner's session has ended
        with scratch_database(server.url("postgres")):
            return left not in scratch_databases(server)

    until(swept)
    assert used in scratch_databases(server)
    alive.communicate("\n", timeout=30)
    assert used not in scratch_databases(server)


def test_scratch_databases_asked_for_through_different_databases_do_not_sweep_each_other(
    server18: Server, database18: str
) -> None:
    with scratch_database(database18) as first, scratch_database(server18.url("postgres")) as second:
        assert {name_of(first), name_of(second)} <= scratch_databases(server18)


def test_a_replay_starts_the_server_and_stops_it_again(own: Server) -> None:
    with scratch_server(own) as url:
        assert own.running
        psycopg.connect(url).close()
    assert not own.running


def test_a_replay_leaves_a_server_running_that_a_person_started(own: Server) -> None:
    own.up()
    with scratch_server(own):
        pass
    assert own.running


def test_a_server_that_a_person_wants_meanwhile_stays(own: Server) -> None:
    with scratch_server(own):
        own.up()
    assert own.running


def test_the_last_of_several_replays_stops_the_server(own: Server) -> None:
    other = start(own, REPLAY)
    assert line(other) == "in"
    with scratch_server(own):
        other.communicate("\n", timeout=30)
        assert own.running
    assert not own.running


def test_the_server_of_a_killed_replay_is_stopped_by_the_next(own: Server) -> None:
    other = start(own, REPLAY)
    assert line(other) == "in"
    kill(other)
    assert own.running
    with scratch_server(own):
        pass
    assert not own.running
