"""What a role without rights can read, and what nobody may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.scope import Scope
from wish_rollout.postgres.catalog.change_token import change_token
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres.conftest import Server


@pytest.fixture
def stranger(server: Server, database: str) -> Iterator[str]:
    """Give a role that may do nothing but connect."""
    name = f"stranger_{database.rpartition('/')[2]}"
    server.run(f"CREATE ROLE {name} LOGIN")
    yield name
    server.run(f"DROP ROLE {name}")


def test_a_role_without_rights_reads_the_same_schema(database: str, stranger: str, everything: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(everything)
        whole = read_snapshot(connection, Scope(migrator="postgres"))
    with psycopg.connect(database, user=stranger) as connection:
        seen = read_snapshot(connection, Scope(migrator="postgres"))
        assert change_token(connection)
    assert difference(whole, seen).as_dict() == []
    assert whole.fingerprint == seen.fingerprint


def test_no_secret_is_ever_in_a_snapshot(database: str, everything: str) -> None:
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


def test_a_failed_transaction_is_told_as_it_is(database: str) -> None:
    with psycopg.connect(database) as connection:
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM nowhere")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            read_snapshot(connection)
        connection.rollback()
        assert read_snapshot(connection).objects


def test_a_pinned_extension_counts_with_its_version(database: str) -> None:
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
