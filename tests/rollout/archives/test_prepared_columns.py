"""A large column is copied before the lock, and completed under it with what was written meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from wish_rollout.core.archive.archive import ArchivedObject
from wish_rollout.core.archive.losses import Loss
from wish_rollout.postgres.archives import archive_store
from wish_rollout.postgres.archives.prepared import columns as prepared_columns
from wish_rollout.postgres.archives.prepared.columns import (
    drop_prepared,
    prepare_column,
)
from wish_rollout.postgres.archives.prepared.completion import take_prepared
from wish_rollout.postgres.archives.session_settings import plain_text_settings
from wish_rollout.postgres.archives.table_description import describe_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rollout.archives.conftest import ArchiveCase
    from wish_rollout.postgres.archives.prepared.batches import PreparedColumn

TABLE = """
create type colour as enum ('red', 'blue', 'grey');
create table parts (id bigint, kind colour, colour colour, note text, primary key (id, kind)) with (fillfactor = 70);
insert into parts select n, 'grey', case when n % 3 > 0 then 'red'::colour end, repeat('n', 30) from generate_series(1, 20000) n
"""
LOSS = Loss("column", "public.parts", "colour")
WRITES = """
update parts set colour = 'blue' where id % 100 = 1;
update parts set colour = null where id % 100 = 2;
delete from parts where id % 100 = 4;
insert into parts select n, 'grey', 'blue' from generate_series(30001, 30050) n;
delete from parts where id = 7;
insert into parts values (7, 'grey', 'blue');
update parts set id = 99999 where id = 8
"""
COPIES = "select id, kind, colour from wish_rollout_archive.a1_1 order by id"
LIVE = "select id, kind::text, colour::text from parts where colour is not null order by id"


@pytest.fixture
def session(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    monkeypatch.setattr(prepared_columns, "BATCH_BLOCKS", 16)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(TABLE)
        archive_store.create_if_missing(connection)
        yield connection


def prepare(session: psycopg.Connection) -> PreparedColumn:
    found = prepare_column(session, LOSS, frozenset({LOSS.column}), 1)
    assert found is not None
    return found


def take(session: psycopg.Connection, prepared: PreparedColumn) -> int | None:
    loss = prepared.loss
    with session.transaction(), plain_text_settings(session):
        session.execute(f"lock table {loss.table} in access exclusive mode".encode())
        description = describe_table(session, loss.table)
        assert description is not None
        kind = description.columns[loss.column].type
        kept = ArchivedObject("column", loss.table, "a1_1", (loss.column,), prepared.key, type=kind)
        return take_prepared(session, prepared, kept, description)


def test_rows_that_are_written_meanwhile_are_copied_again(session: psycopg.Connection) -> None:
    prepared = prepare(session)
    assert session.execute("select count(*) from wish_rollout_archive.p1").fetchone() == (13334,)
    with session.transaction():
        session.execute(WRITES)
    rows = take(session, prepared)
    expected = session.execute(LIVE).fetchall()
    assert (rows, session.execute(COPIES).fetchall()) == (len(expected), expected)


def test_row_that_an_open_transaction_has_written_before_is_copied(
    session: psycopg.Connection, database: str
) -> None:
    with psycopg.connect(database) as other:
        other.execute(
            "update parts set colour = 'blue' where id < 10; insert into parts values (0, 'red', 'red')"
        )
        prepared = prepare(session)
        other.commit()
    session.execute("delete from parts where id = 19000")
    take(session, prepared)
    assert session.execute(COPIES).fetchall() == session.execute(LIVE).fetchall()


@pytest.mark.parametrize(
    "change",
    [
        "vacuum full parts",
        "truncate parts",
        "alter table parts drop column colour, add column colour colour default 'red'",
        "alter type colour rename value 'red' to 'pink'",
    ],
)
def test_copy_of_another_table_or_column_is_dropped(session: psycopg.Connection, change: str) -> None:
    prepared = prepare(session)
    session.execute(change.encode())
    assert take(session, prepared) is None
    left = "select relname from pg_class where relnamespace = 'wish_rollout_archive'::regnamespace and relkind = 'r'"
    assert session.execute(left.encode()).fetchall() == [("archives",)]


def test_what_was_not_used_is_dropped_and_a_missing_column_is_not_copied(session: psycopg.Connection) -> None:
    prepare(session)
    drop_prepared(session)
    gone = Loss("column", "public.parts", "dropped")
    assert prepare_column(session, gone, frozenset({"dropped"}), 1) is None
    assert session.execute("select to_regclass('wish_rollout_archive.p1')").fetchone() == (None,)


UP = ["ALTER TABLE wishlist_items ADD COLUMN colour text"]
DOWN = ["ALTER TABLE wishlist_items DROP COLUMN colour"]
ROWS = """
insert into wishlist_items (user_id, title, store, colour)
select 'u' || n, repeat('t', 200), 'LEGO', 'red' from generate_series(1, 20000) as n
"""


@pytest.mark.one_version
def test_rollback_uses_the_copy(each_case: ArchiveCase) -> None:
    case = each_case
    case.revise(UP, DOWN)
    case.sql(ROWS)
    contents = "select md5(string_agg(w::text, '|' order by id)) from wishlist_items as w"
    before = case.sql(contents)
    case.rollback()
    assert case.sql("select count(*), count(colour) from wish_rollout_archive.a1_1") == [(20000, 20000)]
    own = "select count(*) from wish_rollout_archive.a1_1 as a join pg_class c on c.relname = 'a1_1' and c.xmin = a.xmin"
    assert case.sql(own) == [(0,)]
    case.again()
    (done,) = case.restore()
    assert (done.rows, done.left) == (20000, 0)
    assert case.sql(contents) == before
