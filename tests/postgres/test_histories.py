"""The same schema has the same fingerprint, whatever its history."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.postgres.cases import CASES, Case, read_cases, told
from tests.postgres.conftest import MAJORS
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.scope import Scope
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.postgres.conftest import Server
    from wish_rollout.core.schema.snapshot import Snapshot


def snapshot_of(url: str, sql: str = "SELECT 1") -> Snapshot:
    with psycopg.connect(url) as connection:
        connection.execute(sql.encode())
        snapshot = read_snapshot(connection)
        connection.rollback()
        return snapshot


def assert_equal(one: Snapshot, *others: Snapshot) -> None:
    for other in others:
        assert [told(change) for change in difference(one, other).changes] == []
        assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize("case", read_cases("histories"), ids=str)
def test_another_history_is_silent(case: Case, server: Server) -> None:
    if server.major < case.since:
        pytest.skip(f"PostgreSQL {server.major} does not know it")
    found = []
    for history in case.parts:
        with server.scratch() as connection:
            connection.execute(history.encode())
            found.append(read_snapshot(connection))
    assert_equal(*found)


def test_views_are_written_alike_on_every_version(
    servers: Callable[[int], Server], fresh: Callable[[Server], str]
) -> None:
    views = (CASES / "views.sql").read_text(encoding="utf-8")
    assert_equal(*(snapshot_of(servers(major).url(fresh(servers(major))), views) for major in MAJORS))


def test_texts_are_alike_on_every_version_and_after_a_restore_on_the_newest(
    servers: Callable[[int], Server], fresh: Callable[[Server], str]
) -> None:
    texts = (CASES / "texts.sql").read_text(encoding="utf-8")
    newest = servers(MAJORS[-1])
    found = []
    for major in MAJORS:
        database, copy = fresh(servers(major)), fresh(newest)
        with psycopg.connect(servers(major).url(database), autocommit=True) as connection:
            connection.execute(texts.encode())
            found.append(read_snapshot(connection))
        restore(newest.programs, newest, copy, dump(newest.programs, servers(major), database))
        restored = snapshot_of(newest.url(copy))
        if major == 14:  # its schema public lets everybody create, and the restored one still does
            left = [told(change) for change in difference(found[-1], restored).changes]
            assert left == ["~ schema public (privileges)"]
        else:
            found.append(restored)
    assert_equal(*found)


def test_settings_of_the_session_do_not_show(database: str, everything: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(everything)
        before = read_snapshot(connection)
        for setting in (
            "search_path = public, information_schema",
            "quote_all_identifiers = on",
            "DateStyle = 'German, DMY'",
            "IntervalStyle = iso_8601",
            "TimeZone = 'Asia/Tokyo'",
            "extra_float_digits = -5",
            "bytea_output = escape",
            "standard_conforming_strings = off",
            "transform_null_equals = on",
            "default_transaction_isolation = serializable",
            "default_transaction_deferrable = on",
        ):
            connection.execute(f"SET {setting}")
        assert_equal(before, read_snapshot(connection))


def test_another_role_and_another_owner_by_the_same_common_name(
    server: Server, fresh: Callable[[Server], str]
) -> None:
    one, other = fresh(server), fresh(server)
    names = [f"m_{name}" for name in (one, other)]
    found = []
    for database, role in zip((one, other), names, strict=True):
        server.run(f"CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {database} TO {role}")
        server.run(f"CREATE ROLE {role}_reader")
        try:
            with psycopg.connect(server.url(database), user=role, autocommit=True) as connection:
                connection.execute("CREATE SCHEMA s CREATE TABLE t (a int)")
                connection.execute(f"GRANT SELECT ON s.t TO {role}_reader")
                found.append(read_snapshot(connection, Scope(roles={f"{role}_reader": "reader"})))
        finally:
            server.run(f"DROP OWNED BY {role} CASCADE", database)
            server.run(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}; DROP ROLE {role}_reader")
    assert_equal(*found)
    assert found[0].objects["table", "s.t"] == {"owner": "$migrator", "privileges": {"reader": ["SELECT"]}}


def test_dump_and_restore_are_silent(server: Server, fresh: Callable[[Server], str], everything: str) -> None:
    if not (server.programs / "pg_dump").exists():
        pytest.skip(f"this PostgreSQL {server.major} comes without pg_dump")
    source, copy = fresh(server), fresh(server)
    with psycopg.connect(server.url(source), autocommit=True) as connection:
        connection.execute(everything)
        connection.execute("CREATE TABLE gone (a int, b int, c int); ALTER TABLE gone DROP b")
        if server.major >= 15:
            connection.execute("CREATE PUBLICATION few FOR TABLE r (a, b) WHERE (a > 5)")
        before = read_snapshot(connection)
    restore(server.programs, server, copy, dump(server.programs, server, source))
    assert_equal(before, snapshot_of(server.url(copy)))


def dump(programs: Path, server: Server, database: str) -> bytes:
    command = [str(programs / "pg_dump"), "-s", "-d", server.url(database)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def restore(programs: Path, server: Server, database: str, text: bytes) -> None:
    command = [str(programs / "psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-d", server.url(database)]
    subprocess.run(command, input=text, stdout=subprocess.DEVNULL, check=True)


def test_the_whole_is_equal_on_every_version(
    servers: Callable[[int], Server], fresh: Callable[[Server], str], everything: str
) -> None:
    found = []
    for major in MAJORS:
        server = servers(major)
        with psycopg.connect(server.url(fresh(server)), autocommit=True) as connection:
            connection.execute(everything)
            found.append(read_snapshot(connection))
    assert_equal(*found)


def test_another_database_with_other_numbers(
    server: Server, fresh: Callable[[Server], str], everything: str
) -> None:
    found = []
    for noise in (
        "SELECT 1",
        "CREATE TABLE n (a serial PRIMARY KEY); DROP TABLE n; CREATE TYPE n AS (a int)",
    ):
        with psycopg.connect(server.url(fresh(server)), autocommit=True) as connection:
            connection.execute(noise)
            connection.execute("DROP TYPE IF EXISTS n")
            connection.execute(everything)
            found.append(read_snapshot(connection))
    assert_equal(*found)
