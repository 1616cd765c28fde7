"""up, down and reset are idempotent, and the server has the expected roles and settings."""

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


def query_value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_no_server_before_the_first_up(own: Server) -> None:
    assert own.is_running is False
    with pytest.raises(SandboxNotMade):
        own.url("postgres")
    assert not own.home.exists()


def test_down_before_the_first_up_does_nothing(own: Server) -> None:
    own.down()
    assert own.is_running is False


def test_up_and_down_are_idempotent(own: Server) -> None:
    own.up()
    first = [pid for pid, is_postmaster in processes_of(own).items() if is_postmaster]
    own.up()
    assert [pid for pid, is_postmaster in processes_of(own).items() if is_postmaster] == first
    assert len(first) == 1
    own.down()
    own.down()
    assert own.is_running is False
    assert processes_of(own) == {}


def test_down_keeps_the_data_and_reset_deletes_them(own: Server) -> None:
    own.up()
    address = own.url("postgres", ADMIN)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (a int)")
    own.down()
    own.up()
    assert query_value(own.url("postgres", ADMIN), "SELECT to_regclass('kept')::text") == "kept"
    own.reset()
    assert query_value(own.url("postgres", ADMIN), "SELECT to_regclass('kept')::text") is None
    assert own.url("postgres", ADMIN) != address


def test_down_terminates_active_sessions(own: Server) -> None:
    own.up()
    with busy(own.url("postgres")):
        own.down()
    assert processes_of(own) == {}


def test_the_roles_are_a_superuser_and_a_plain_migrator(server: Server) -> None:
    query = (
        "SELECT array_agg((rolname, rolsuper, rolcreatedb, rolcreaterole)::text ORDER BY rolname)"
        f" FROM pg_roles WHERE rolname IN ('{ADMIN}', '{MIGRATOR}')"
    )
    assert query_value(server.url("postgres"), query) == [f"({MIGRATOR},f,t,f)", f"({ADMIN},t,t,t)"]


def test_wrong_password_is_refused_for_every_role(server: Server) -> None:
    for role in (ADMIN, MIGRATOR):
        right = server.url("postgres", role)
        wrong = right.replace(f"{role}:", f"{role}:x", 1)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
    assert query_value(server.url("postgres", ADMIN), "SHOW unix_socket_directories") == ""
    assert query_value(server.url("postgres", ADMIN), "SHOW listen_addresses") == "127.0.0.1"


def test_text_sorts_by_code_point_in_utf8_on_each_version(database: str) -> None:
    assert query_value(database, "SHOW server_encoding") == "UTF8"
    query = "SELECT string_agg(v, ' ' ORDER BY v) FROM (VALUES ('b'), ('B'), ('a'), ('é')) AS t(v)"
    assert query_value(database, query) == "B a b é"


def test_up_chooses_another_port_if_the_port_is_in_use(own: Server) -> None:
    own.up()
    own.down()
    before = own.url("postgres")
    port = int(before.rpartition(":")[2].partition("/")[0])
    with socket.create_server(("127.0.0.1", port)):
        own.up()
        assert own.url("postgres") != before
        assert query_value(own.url("postgres"), "SELECT 1") == 1


def test_programs_of_another_version_are_refused(own: Server) -> None:
    own.up()
    own.down()
    older = bindir_of(15)
    if older is None:
        pytest.skip("PostgreSQL 15 is not installed")
    with pytest.raises(SandboxFailed, match=r"created by PostgreSQL 18, the programs are 15"):
        Server(older, own.home).up()


def test_error_for_missing_programs_has_the_pip_command(sandbox_home: Path) -> None:
    with pytest.raises(SandboxMissing, match="pip install"):
        Server(sandbox_home / "nowhere", sandbox_home).up()


def test_remove_leaves_nothing(own: Server) -> None:
    own.up()
    log = own.log
    own.remove()
    assert processes_of(own) == {}
    assert not log.parent.parent.exists()
    assert not own.home.exists()
