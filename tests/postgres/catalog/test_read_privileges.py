"""What a role without privileges can read, and what no snapshot contains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.scope import Scope
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot
from wish_rollout.postgres.changes.change_token import change_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres.conftest import Server


@pytest.fixture
def unprivileged_role(server: Server, database: str) -> Iterator[str]:
    """Return the name of a role that can only connect."""
    name = f"unprivileged_{database.rpartition('/')[2]}"
    server.run(f"CREATE ROLE {name} LOGIN")
    yield name
    server.run(f"DROP ROLE {name}")


def test_a_role_without_privileges_reads_the_same_schema(
    database: str, unprivileged_role: str, everything: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(everything)
        as_superuser = read_snapshot(connection, Scope(migrator="postgres"))
    with psycopg.connect(database, user=unprivileged_role) as connection:
        as_unprivileged = read_snapshot(connection, Scope(migrator="postgres"))
        assert change_token(connection)
    assert difference(as_superuser, as_unprivileged).as_dict() == []
    assert as_superuser.fingerprint == as_unprivileged.fingerprint


def test_a_snapshot_contains_no_secrets(database: str, everything: str) -> None:
    assert "hush" in everything
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(everything)
        connection.execute("ALTER SERVER srv OPTIONS (ADD api_token 'hush')")
        connection.execute("ALTER SUBSCRIPTION sub CONNECTION 'host=nowhere password=hush'")
        text = read_snapshot(connection).to_json()
    assert "hush" not in text
    assert "nowhere" not in text


def test_reading_takes_one_transaction_and_changes_nothing(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (a int)")
        before = read_snapshot(connection), change_token(connection)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        assert (read_snapshot(connection), change_token(connection)) == before
        connection.execute("SET default_transaction_read_only = on")
        assert read_snapshot(connection) == before[0]


def test_a_failed_transaction_is_reported(database: str) -> None:
    with psycopg.connect(database) as connection:
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM nowhere")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            read_snapshot(connection)
        connection.rollback()
        assert read_snapshot(connection).objects


def test_the_version_of_a_pinned_extension_is_part_of_the_fingerprint(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        plain = read_snapshot(connection)
        pinned = read_snapshot(connection, Scope(pinned_extensions=frozenset({"plpgsql"})))
    assert plain.objects["extension", "plpgsql"]["installed version"] == "1.0"
    assert pinned.objects["extension", "plpgsql"]["version"] == "1.0"
    assert plain.fingerprint != pinned.fingerprint


def test_the_ledger_and_the_version_table_are_left_out(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        before = read_snapshot(connection)
        connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        connection.execute("CREATE SCHEMA wish_rollout CREATE TABLE ledger (a int)")
        assert difference(before, read_snapshot(connection)).as_dict() == []
        connection.execute("CREATE TABLE alembic_version2 (a int)")
        assert difference(before, read_snapshot(connection)).as_dict() != []
