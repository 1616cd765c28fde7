"""Columns of partitioned tables that are copied before the lock, and rows that are older or newer than a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from wish_rollout.core.archive.archive import ArchivedObject
from wish_rollout.core.archive.losses import Loss
from wish_rollout.postgres.archives import archive_store
from wish_rollout.postgres.archives.prepared import columns as prepared_columns
from wish_rollout.postgres.archives.prepared import completion as prepared_completion
from wish_rollout.postgres.archives.prepared.columns import is_large, prepare_column
from wish_rollout.postgres.archives.prepared.completion import take_prepared
from wish_rollout.postgres.archives.session_settings import plain_text_settings
from wish_rollout.postgres.archives.table_description import describe_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rollout.archives.conftest import ArchiveCase
    from wish_rollout.postgres.archives.prepared.batches import PreparedColumn

TABLE = """
create table orders (id int, region text, note text, primary key (region, id)) partition by list (region);
create table orders_north partition of orders for values in ('north') partition by range (id);
create table orders_north_1 partition of orders_north for values from (0) to (1000);
create table orders_north_2 partition of orders_north for values from (1000) to (100000);
create table orders_south (note text, id int not null, gone int, region text not null, primary key (region, id));
alter table orders_south drop column gone;
alter table orders attach partition orders_south for values in ('south');
insert into orders select n, region, 'note ' || n from generate_series(1, 2000) n, unnest('{north,south}'::text[]) region
"""
WRITES = """
insert into orders select n, 'south', 'new' from generate_series(3001, 3500) n;
update orders set region = 'south' where region = 'north' and id = 1;
update orders set region = 'south', id = 9000 where region = 'north' and id = 2;
update orders set id = 5000 where region = 'north' and id = 3;
update orders set note = null where id = 4;
update orders set note = 'changed' where id in (5, 1500);
delete from orders where id in (6, 1600);
delete from orders where id = 7; insert into orders values (7, 'north', 'again')
"""
LOSS = Loss("column", "public.orders", "note")
COPIES = "select id, region, note from wish_rollout_archive.a1_1 order by region, id"
LIVE = "select id, region, note from orders where note is not null order by region, id"


@pytest.fixture
def session(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    monkeypatch.setattr(prepared_columns, "BATCH_BLOCKS", 4)
    monkeypatch.setattr(prepared_columns, "LEAST_BYTES", 0)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(TABLE)
        archive_store.create_if_missing(connection)
        yield connection


def prepare(session: psycopg.Connection) -> PreparedColumn:
    found = prepare_column(session, LOSS, frozenset({"note"}), 1)
    assert found is not None
    return found


def take(session: psycopg.Connection, prepared: PreparedColumn) -> int | None:
    with session.transaction(), plain_text_settings(session):
        session.execute("lock table public.orders in access exclusive mode")
        description = describe_table(session, "public.orders")
        assert description is not None
        kept = ArchivedObject("column", "public.orders", "a1_1", ("note",), prepared.key, type="text")
        return take_prepared(session, prepared, kept, description)


def assert_exact(session: psycopg.Connection, rows: int | None) -> None:
    expected = session.execute(LIVE).fetchall()
    assert (rows, session.execute(COPIES).fetchall()) == (len(expected), expected)


def test_rows_that_change_their_partition_are_copied_again(session: psycopg.Connection) -> None:
    session.execute("delete from orders where region = 'south' and id = 1")
    assert is_large(session, "public.orders")
    prepared = prepare(session)
    assert {batch.table for batch in prepared.batches} == {
        "public.orders_north_1",
        "public.orders_north_2",
        "public.orders_south",
    }
    with session.transaction():
        session.execute(WRITES)
    assert_exact(session, take(session, prepared))


@pytest.mark.one_version
@pytest.mark.parametrize(
    "change",
    [
        "create table orders_west partition of orders for values in ('west')",
        "alter table orders detach partition orders_south",
        "truncate orders_north_2",
    ],
)
def test_copy_of_other_partitions_is_not_used(session: psycopg.Connection, change: str) -> None:
    prepared = prepare(session)
    session.execute(change.encode())
    assert take(session, prepared) is None
    assert session.execute("select to_regclass('wish_rollout_archive.p1')").fetchone() == (None,)


def test_partition_of_another_kind_is_copied_under_the_lock(session: psycopg.Connection) -> None:
    session.execute(
        "alter table orders_south enable row level security, force row level security, owner to current_user"
    )
    assert not is_large(session, "public.orders")
    assert prepare_column(session, LOSS, frozenset({"note"}), 1) is None


def test_row_that_is_newer_than_the_copy_and_gone_before_the_lock(
    session: psycopg.Connection, database: str
) -> None:
    with psycopg.connect(database) as open_transaction:
        open_transaction.execute("select pg_current_xact_id()")
        session.execute(
            "insert into orders values (50000, 'south', 'short-lived'), (50001, 'south', 'stays')"
        )
        session.execute("update orders set note = 'short-lived' where id = 10")
        prepared = prepare(session)
        session.execute("delete from orders where id = 50000")
        session.execute("update orders set id = 60000 where id = 10 and region = 'south'")
        open_transaction.rollback()
    assert_exact(session, take(session, prepared))


def test_frozen_rows_and_rows_of_subtransactions(session: psycopg.Connection, database: str) -> None:
    session.execute("vacuum (freeze) orders")
    with psycopg.connect(database) as other:
        other.execute("savepoint a; update orders set note = 'kept' where id = 11")
        other.execute("savepoint b; update orders set note = 'undone' where id < 100; rollback to b")
        prepared = prepare(session)
        other.execute("savepoint c; update orders set note = 'later' where id = 12; release c")
        other.execute("delete from orders where id = 13")
        other.commit()
    session.execute("vacuum (freeze) orders")
    assert_exact(session, take(session, prepared))


def test_rows_are_read_again_until_few_have_changed(
    session: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared_columns, "FEW_CHANGED", 5)
    written = iter([200, 20, 2, 1])
    with psycopg.connect(database, autocommit=True) as other:

        class WritingCursor(psycopg.Cursor[Any]):
            """Writes before each of the transactions that read rows again."""

            def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
                if b"repeatable read" in bytes(str(query), "utf-8"):
                    other.execute(f"update orders set note = 'x' where id <= {next(written)}".encode())
                return super().execute(query, *arguments, **options)

        session.cursor_factory = WritingCursor
        prepared = prepare(session)
    assert list(written) == [1]
    assert_exact(session, take(session, prepared))


def test_copy_that_cannot_be_completed_is_dropped(
    session: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared_completion, "MOST_REFRESHED", -1)
    assert prepare_column(session, LOSS, frozenset({"note"}), 1) is None
    assert session.execute("select to_regclass('wish_rollout_archive.p1')").fetchone() == (None,)


UP = [
    "CREATE TABLE visits (id bigint, day date, note text, PRIMARY KEY (day, id)) PARTITION BY RANGE (day)",
    "CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
    "CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')",
]
ROWS = """
insert into visits select n, date '2020-01-01' + n % 700, repeat('n', 300), 'mood ' || n from generate_series(1, 20000) as n
"""


def test_rollback_uses_the_copy_of_a_partitioned_table(case: ArchiveCase) -> None:
    case.revise(UP, ["DROP TABLE visits"])
    up, down = ["ALTER TABLE visits ADD COLUMN mood text"], ["ALTER TABLE visits DROP COLUMN mood"]
    case.revise(up, down, "0009", "0008")
    case.sql(ROWS)
    contents = "select md5(string_agg(v::text, '|' order by id)) from visits as v"
    before = case.sql(contents)
    case.rollback()
    assert case.sql("select count(*), count(mood) from wish_rollout_archive.a1_1") == [(20000, 20000)]
    own = "select count(*) from wish_rollout_archive.a1_1 as a join pg_class c on c.relname = 'a1_1' and c.xmin = a.xmin"
    assert case.sql(own) == [(0,)]
    case.again()
    (done,) = case.restore()
    assert (done.rows, done.left) == (20000, 0)
    assert case.sql(contents) == before
