"""up, down, reset: idempotent, and the server is fit for use."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.sandbox.starters import busy
from tests.servers import bindir_of
from wish_rollout.sandbox import processes
from wish_rollout.sandbox.errors import SandboxFailed, SandboxMissing, SandboxNotMade
from wish_rollout.sandbox.server import Server
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR

if TYPE_CHECKING:
    from pathlib import Path


def processes_of(server: Server) -> dict[int, bool]:
    return processes.find_cluster_processes(server.process_name)


def ask(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_before_the_first_up_there_is_nothing(own: Server) -> None:
    assert own.running is False
    with pytest.raises(SandboxNotMade):
        own.url("postgres")
    assert not own.home.exists()


def test_down_before_the_first_up_does_nothing(own: Server) -> None:
    own.down()
    assert own.running is False


def test_up_twice_is_one_server_and_down_twice_leaves_no_process(own: Server) -> None:
    own.up()
    first = [pid for pid, is_postmaster in processes_of(own).items() if is_postmaster]
    own.up()
    assert [pid for pid, is_postmaster in processes_of(own).items() if is_postmaster] == first
    assert len(first) == 1
    own.down()
    own.down()
    assert own.running is False
    assert processes_of(own) == {}


def test_data_stay_through_down_and_up_and_go_with_reset(own: Server) -> None:
    own.up()
    address = own.url("postgres", ADMIN)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (a int)")
    own.down()
    own.up()
    assert ask(own.url("postgres", ADMIN), "SELECT to_regclass('kept')::text") == "kept"
    own.reset()
    assert ask(own.url("postgres", ADMIN), "SELECT to_regclass('kept')::text") is None
    assert own.url("postgres", ADMIN) != address


def test_down_ends_sessions_that_are_at_work(own: Server) -> None:
    own.up()
    with busy(own.url("postgres")):
        own.down()
    assert processes_of(own) == {}


def test_the_roles_are_a_superuser_and_a_plain_migrator(server: Server) -> None:
    query = (
        "SELECT array_agg((rolname, rolsuper, rolcreatedb, rolcreaterole)::text ORDER BY rolname)"
        f" FROM pg_roles WHERE rolname IN ('{ADMIN}', '{MIGRATOR}')"
    )
    assert ask(server.url("postgres"), query) == [f"({MIGRATOR},f,t,f)", f"({ADMIN},t,t,t)"]


def test_a_wrong_password_is_refused_on_each_way_in(server: Server) -> None:
    for role in (ADMIN, MIGRATOR):
        right = server.url("postgres", role)
        wrong = right.replace(f"{role}:", f"{role}:x", 1)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
    assert ask(server.url("postgres", ADMIN), "SHOW unix_socket_directories") == ""
    assert ask(server.url("postgres", ADMIN), "SHOW listen_addresses") == "127.0.0.1"


def test_text_sorts_by_code_point_in_utf8_on_each_version(database: str) -> None:
    assert ask(database, "SHOW server_encoding") == "UTF8"
    query = "SELECT string_agg(v, ' ' ORDER BY v) FROM (VALUES ('b'), ('B'), ('a'), ('é')) AS t(v)"
    assert ask(database, query) == "B a b é"


def test_a_port_that_was_taken_meanwhile_is_chosen_anew(own: Server) -> None:
    own.up()
    own.down()
    before = own.url("postgres")
    port = int(before.rpartition(":")[2].partition("/")[0])
    with socket.create_server(("127.0.0.1", port)):
        own.up()
        assert own.url("postgres") != before
        assert ask(own.url("postgres"), "SELECT 1") == 1


def test_programs_of_another_version_are_refused_by_name(own: Server) -> None:
    own.up()
    own.down()
    older = bindir_of(15)
    if older is None:
        pytest.skip("PostgreSQL 15 is not here")
    with pytest.raises(SandboxFailed, match=r"made by PostgreSQL 18, the programs are 15"):
        Server(older, own.home).up()


def test_programs_that_are_not_there_are_told(sandbox_home: Path) -> None:
    with pytest.raises(SandboxMissing, match="pip install"):
        Server(sandbox_home / "nowhere", sandbox_home).up()


def test_remove_leaves_nothing(own: Server) -> None:
    own.up()
    log = own.log
    own.remove()
    assert processes_of(own) == {}
    assert not log.parent.parent.exists()
    assert not own.home.exists()
