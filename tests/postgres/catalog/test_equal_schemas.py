"""Equal schemas have equal fingerprints, regardless of the statements that created them."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.postgres.cases import CASES, Case, format_change, read_cases
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


def assert_equal(first: Snapshot, *others: Snapshot) -> None:
    for other in others:
        assert [format_change(change) for change in difference(first, other).changes] == []
        assert first.fingerprint == other.fingerprint


@pytest.mark.parametrize("case", read_cases("histories"), ids=str)
def test_different_histories_of_a_schema_are_equal(case: Case, server: Server) -> None:
    if server.major < case.since:
        pytest.skip(f"PostgreSQL {server.major} does not support it")
    found = []
    for history in case.parts:
        with server.scratch() as connection:
            connection.execute(history.encode())
            found.append(read_snapshot(connection))
    assert_equal(*found)


def test_views_are_equal_on_every_version(
    servers: Callable[[int], Server], fresh: Callable[[Server], str]
) -> None:
    views = (CASES / "views.sql").read_text(encoding="utf-8")
    assert_equal(*(snapshot_of(servers(major).url(fresh(servers(major))), views) for major in MAJORS))


def test_texts_are_equal_on_every_version_and_after_a_restore_on_the_newest(
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
        if major == 14:  # there PUBLIC can create objects in schema public, also after the restore
            remaining = [format_change(change) for change in difference(found[-1], restored).changes]
            assert remaining == ["~ schema public (privileges)"]
        else:
            found.append(restored)
    assert_equal(*found)


def test_settings_of_the_session_do_not_affect_the_snapshot(database: str, everything: str) -> None:
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


def test_different_roles_with_the_same_common_name_are_equal(
    server: Server, fresh: Callable[[Server], str]
) -> None:
    first, second = fresh(server), fresh(server)
    names = [f"m_{name}" for name in (first, second)]
    found = []
    for database, role in zip((first, second), names, strict=True):
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


def test_dump_and_restore_change_nothing(
    server: Server, fresh: Callable[[Server], str], everything: str
) -> None:
    if not (server.programs / "pg_dump").exists():
        pytest.skip(f"this PostgreSQL {server.major} has no pg_dump")
    source, copy = fresh(server), fresh(server)
    with psycopg.connect(server.url(source), autocommit=True) as connection:
        connection.execute(everything)
        connection.execute("CREATE TABLE gone (a int, b int, c int); ALTER TABLE gone DROP b")
        if server.major >= 15:
            connection.execute("CREATE PUBLICATION few FOR TABLE r (a, b) WHERE (a > 5)")
        before = read_snapshot(connection)
    restore(server.programs, server, copy, dump(server.programs, server, source))
    assert_equal(before, snapshot_of(server.url(copy)))


SERVERS_OWN_OPTION = re.compile(rb"^ALTER .* SET \(pg_attver=\d+\);$", re.MULTILINE)


def dump(programs: Path, server: Server, database: str) -> bytes:
    """Return the schema; a pg_dump that is older than the server writes an option that the server itself has set."""
    command = [str(programs / "pg_dump"), "-s", "-d", server.url(database)]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return SERVERS_OWN_OPTION.sub(b"", text)


def restore(programs: Path, server: Server, database: str, text: bytes) -> None:
    command = [str(programs / "psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-d", server.url(database)]
    subprocess.run(command, input=text, stdout=subprocess.DEVNULL, check=True)


def test_every_kind_of_object_is_equal_on_every_version(
    servers: Callable[[int], Server], fresh: Callable[[Server], str], everything: str
) -> None:
    found = []
    for major in MAJORS:
        server = servers(major)
        with psycopg.connect(server.url(fresh(server)), autocommit=True) as connection:
            connection.execute(everything)
            found.append(read_snapshot(connection))
    assert_equal(*found)


def test_different_oids_are_equal(server: Server, fresh: Callable[[Server], str], everything: str) -> None:
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
