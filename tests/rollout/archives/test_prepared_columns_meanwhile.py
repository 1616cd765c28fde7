"""What other sessions do between the steps of a copy that is made before the lock, and which tables are copied so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from wish_rollout.core.archive.archive import ArchivedObject
from wish_rollout.core.archive.losses import Loss, RollbackLosses
from wish_rollout.core.errors.planning.archives import ArchiveNeedsKey
from wish_rollout.postgres.archives import archive_store
from wish_rollout.postgres.archives.archive_store import drop_contents
from wish_rollout.postgres.archives.archive_writing import refuse_keyless
from wish_rollout.postgres.archives.prepared import columns as prepared_columns
from wish_rollout.postgres.archives.prepared import completion as prepared_completion
from wish_rollout.postgres.archives.prepared.columns import (
    drop_prepared,
    free_number,
    is_large,
    prepare_column,
)
from wish_rollout.postgres.archives.prepared.completion import take_prepared
from wish_rollout.postgres.archives.row_copies import copy_columns
from wish_rollout.postgres.archives.session_settings import plain_text_settings
from wish_rollout.postgres.archives.table_description import describe_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wish_rollout.postgres.archives.prepared.batches import PreparedColumn

TABLE = """
create domain code as text;
create table parts (code code primary key, note text) with (fillfactor = 70);
insert into parts select 'c' || n, repeat('n', 30) from generate_series(1, 2000) n;
create domain number as int;
create table numbered (id number primary key, note text);
insert into numbered select n, repeat('n', 30) from generate_series(1, 2000) n;
create table divided (id int primary key, note text) partition by range (id);
create table divided_1 partition of divided for values from (0) to (10000);
create table parent (id int primary key, note text);
create table child () inherits (parent);
insert into parent values (1, 'a'), (2, 'b');
insert into child values (1, 'c')
"""
ROWS = "truncate parts; insert into parts select 'c' || n, repeat('n', 30) from generate_series(1, 2000) n"
LOSS, NUMBERED = (Loss("column", f"public.{table}", "note") for table in ("parts", "numbered"))
WRITES = """
insert into parts select 'new{0}_' || n, repeat('n', 30) from generate_series(1, 1500) n;
update parts set note = 'changed{0}' where code in ('c{0}', 'new{0}_1', 'c1999');
delete from parts where code in ('c{0}0', 'c2000')
"""
COPIES = "select code, note from wish_rollout_archive.a1_1 order by code"
LIVE = "select code::text, note from parts where note is not null order by code"
LEFT = "select to_regclass('wish_rollout_archive.p1') is not null"


class SteppedCursor(psycopg.Cursor[Any]):
    """A cursor that calls ``before_each`` before each statement."""

    before_each: Callable[[], None] = staticmethod(lambda: None)

    def execute(self, *arguments: Any, **options: Any) -> Any:
        """Call ``before_each``, and execute the statement."""
        SteppedCursor.before_each()
        return super().execute(*arguments, **options)


@pytest.fixture
def session(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    monkeypatch.setattr(prepared_columns, "BATCH_BLOCKS", 4)
    monkeypatch.setattr(prepared_columns, "LEAST_BYTES", 0)
    monkeypatch.setattr(prepared_columns, "DROP_MS", 20, raising=False)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(TABLE)
        archive_store.create_if_missing(connection)
        yield connection


def prepare(session: psycopg.Connection, loss: Loss = LOSS) -> PreparedColumn:
    found = prepare_column(session, loss, frozenset({"note"}), 1)
    assert found is not None
    return found


def await_older_transactions(session: psycopg.Connection) -> None:
    """Wait until every transaction of other tests has ended that is older than the rows of the tables."""
    (now,) = session.execute("select pg_current_xact_id()::text::bigint").fetchone() or (0,)
    horizon = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    end = time.monotonic() + 120
    while session.execute(horizon).fetchall() <= [(now,)]:
        assert time.monotonic() < end
        time.sleep(0.02)


def take(session: psycopg.Connection, prepared: PreparedColumn) -> tuple[int | None, int]:
    """Return the number of copies, and how often the whole table was read for them."""
    table = prepared.loss.table
    scans = "select seq_scan from pg_stat_xact_user_tables where relid = %s::regclass"
    with session.transaction(), plain_text_settings(session):
        session.execute(f"lock table {table} in access exclusive mode".encode())
        description = describe_table(session, table)
        assert description is not None
        kept = ArchivedObject("column", table, "a1_1", ("note",), prepared.key, type="text")
        rows = take_prepared(session, prepared, kept, description)
        scanned = session.execute(scans.encode(), [table]).fetchone()
    assert scanned is not None
    return rows, scanned[0]


@pytest.mark.one_version
def test_rows_that_are_written_before_any_statement_of_the_copy_are_archived(
    session: psycopg.Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared_columns, "BATCH_BLOCKS", 16)
    session.cursor_factory = SteppedCursor
    with psycopg.connect(database, autocommit=True) as other:
        for step in range(1, 100, 2):
            other.execute(ROWS)
            countdown = iter(range(step - 1, -1, -1))

            def write(countdown: Iterator[int] = countdown, writes: str = WRITES.format(step)) -> None:
                if next(countdown, -1) == 0:
                    other.execute(writes.encode())

            with monkeypatch.context() as patch:
                patch.setattr(SteppedCursor, "before_each", write)
                prepared = prepare(session)
            if next(countdown, -1) >= 0:  # the copy had fewer statements
                break
            rows, _ = take(session, prepared)
            expected = session.execute(LIVE).fetchall()
            assert (rows, session.execute(COPIES).fetchall()) == (len(expected), expected), step
            drop_contents(session, ["a1_1"])
        assert 10 < step < 99


def test_many_changed_rows_are_copied_as_a_whole(
    session: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared_completion, "MOST_CHANGED", 10)
    await_older_transactions(session)
    for changed, expected in ((10, 2000), (11, None)):
        prepared = prepare(session)
        session.execute(
            f"update parts set note = 'x' where code in (select 'c' || generate_series(1, {changed}))".encode()
        )
        rows, _ = take(session, prepared)
        assert rows == expected
        assert session.execute(LEFT.encode()).fetchone() == (False,)


def test_table_is_not_read_for_each_copy_if_its_key_is_stored_as_text(session: psycopg.Connection) -> None:
    await_older_transactions(session)  # otherwise all rows count as changed
    prepared = prepare(session, NUMBERED)
    assert len(prepared.batches) > 4
    session.execute("delete from numbered where id = 5")
    rows, scans = take(session, prepared)
    assert rows == 1999
    assert scans < 5


def test_copy_that_another_session_reads_is_left_and_dropped_later(
    session: psycopg.Connection, database: str
) -> None:
    prepared = prepare(session)
    with psycopg.connect(database) as reader:
        reader.execute("select from wish_rollout_archive.p1")
        assert take(session, prepared)[0] is None
        drop_prepared(session)
        assert (session.execute(LEFT.encode()).fetchone(), free_number(session)) == ((True,), 2)
    drop_prepared(session)
    assert (session.execute(LEFT.encode()).fetchone(), free_number(session)) == ((False,), 1)
    session.close()
    drop_prepared(session)


def test_only_a_plain_table_is_copied_before_the_lock(session: psycopg.Connection) -> None:
    session.execute("insert into child values (3, 'c'); insert into divided values (1, 'a')")
    tables = ["public.parts", "public.child", "public.divided", "public.parent", "public.missing"]
    assert [is_large(session, table) for table in tables] == [True, True, True, False, False]
    for table in tables[3:]:
        assert prepare_column(session, Loss("column", table, "note"), frozenset({"note"}), 1) is None
    session.execute("create table later () inherits (parts)")
    assert prepare_column(session, LOSS, frozenset({"note"}), 1) is None
    session.execute("drop table later")
    prepared = prepare(session)
    session.execute("create table later () inherits (parts)")
    assert take(session, prepared)[0] is None


def test_rows_of_child_tables_have_no_key_and_are_copied_once(session: psycopg.Connection) -> None:
    loss, kept = (
        Loss("column", "public.parent", "note"),
        ArchivedObject("table", "public.parent", "a1_1", ("id",), ()),
    )
    with session.transaction(), plain_text_settings(session):
        with pytest.raises(ArchiveNeedsKey, match="child tables"):
            refuse_keyless(session, "local", RollbackLosses((loss,)), [loss])
        description = describe_table(session, "public.parent")
        assert description is not None
        assert copy_columns(session, kept, description) == 2
