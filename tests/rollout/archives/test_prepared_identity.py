"""When a copy that is made before the lock is completed, and when it is made again: failures, types, keys, old rows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.rollout.archives.test_prepared_columns_meanwhile import COPIES, LIVE, prepare, session, take
from wish_rollout.core.errors.planning.archives import ArchiveNeedsReadCommitted
from wish_rollout.postgres.archives.prepared import columns as prepared_columns
from wish_rollout.postgres.archives.prepared import completion
from wish_rollout.postgres.archives.prepared.batches import FUTURE, is_newer, read_identity
from wish_rollout.postgres.archives.prepared.columns import refresh_column
from wish_rollout.postgres.archives.table_description import describe_table
from wish_rollout.rollout.rollback import rollback_archive

if TYPE_CHECKING:
    from tests.rollout.archives.conftest import ArchiveCase
    from wish_rollout.postgres.archives.prepared.batches import PreparedColumn

__all__ = ["session"]

TYPES = """
create type mood as enum ('sad', 'glad');
create domain feeling as mood;
create type pair as (a int, b feeling);
create type span as range (subtype = float8);
create table typed (id int primary key, plain text, mood mood, moods mood[], feeling feeling, pair pair, pairs pair[])
"""


def test_failed_second_pass_leaves_the_copy_as_the_first_has_left_it(
    session: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second pass fails; afterwards a row that the first pass has copied is deleted."""
    prepared = prepare(session)
    monkeypatch.setattr(prepared_columns, "FEW_CHANGED", 0)
    session.execute(
        "update parts set note = 'x' where code <= 'c1100'; insert into parts values ('c0', 'new')"
    )
    passes = []
    refresh = completion.refresh

    def fail_at_second(connection: Any, copy: PreparedColumn, horizon: str) -> PreparedColumn | None:
        passes.append(copy)
        if len(passes) == 2:
            raise psycopg.errors.LockNotAvailable
        return refresh(connection, copy, horizon)

    monkeypatch.setattr(prepared_columns, "refresh", fail_at_second)
    refreshed = refresh_column(session, prepared)
    assert refreshed is not None
    assert (len(passes), refreshed.changed > 0) == (2, True)
    session.execute("delete from parts where code = 'c1000'")

    rows, _ = take(session, refreshed)

    expected = session.execute(LIVE).fetchall()
    assert (rows, session.execute(COPIES).fetchall()) == (len(expected), expected)


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("mood", "alter type mood rename value 'sad' to 'unhappy'"),
        ("moods", "alter type mood add value 'new'"),
        ("feeling", "alter type mood rename value 'sad' to 'unhappy'"),
        ("pair", "alter type mood rename value 'sad' to 'unhappy'"),
        ("pair", "alter type pair add attribute c int"),
        ("pairs", "alter type pair rename attribute a to other"),
        ("plain", "alter table typed alter plain type varchar(10)"),
    ],
)
def test_changed_type_of_a_column_changes_its_identity(
    session: psycopg.Connection[Any], column: str, change: str
) -> None:
    session.execute(TYPES)
    before = read_identity(session, "public.typed", [column])
    assert read_identity(session, "public.typed", [column]) == before
    session.execute(change.encode())
    assert read_identity(session, "public.typed", [column]) != before


@pytest.mark.pg(">=18")
def test_column_with_an_unvalidated_not_null_constraint_is_no_key(session: psycopg.Connection[Any]) -> None:
    session.execute("create table coded (code text unique, note text); insert into coded values (null, 'a')")
    session.execute("alter table coded add constraint filled not null code not valid")
    found = describe_table(session, "public.coded")
    assert found is not None
    assert found.key_without(frozenset()) == ()
    session.execute("delete from coded; alter table coded validate constraint filled")
    found = describe_table(session, "public.coded")
    assert found is not None
    assert found.key_without(frozenset()) == ("code",)


def test_age_of_rows_that_were_written_very_long_ago(session: psycopg.Connection[Any]) -> None:
    """Freezing keeps xmin, so that the age of a row version is negative after 2^31 transactions (manual, 24.1.5)."""
    (now,) = session.execute("select pg_current_xact_id()::text::bigint").fetchone() or (0,)
    xids = {
        "new": now + 5,
        "horizon": now,
        "old": now - 1,
        "frozen": 2,
        "ancient": (now - 2**31 - 1000) % 2**32,
    }
    rows = ", ".join(f"('{name}', '{xid}'::xid)" for name, xid in xids.items())
    condition = is_newer(session, str(now))
    found = session.execute(f"select name from (values {rows}) as t (name, xmin) where {condition}".encode())
    assert {name for (name,) in found} == {"new", "horizon"}
    assert FUTURE < 2**31


def test_column_whose_copy_fails_is_archived_under_the_lock(
    case: ArchiveCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index of the copy cannot have a key as long as this one, which is text in the copy."""
    monkeypatch.setattr(prepared_columns, "LEAST_BYTES", 0)
    created = ["CREATE DOMAIN digest AS bytea", "CREATE TABLE hashed (id digest PRIMARY KEY)"]
    case.revise(created, ["DROP TABLE hashed", "DROP DOMAIN digest"])
    added, dropped = ["ALTER TABLE hashed ADD COLUMN note text"], ["ALTER TABLE hashed DROP COLUMN note"]
    case.revise(added, dropped, "0009", "0008")
    long = "select string_agg(sha512((n * 100 + i)::text::bytea), ''::bytea) from generate_series(1, 30) i"
    case.sql(f"insert into hashed select ({long}), 'n' || n from generate_series(1, 9) n")
    case.rollback()
    assert case.sql("select count(note) from wish_rollout_archive.a1_1") == [(9,)]


def test_rows_that_are_committed_while_a_rollback_waits_for_its_locks_are_archived(case: ArchiveCase) -> None:
    """The default isolation level of the database would let the rollback see an older snapshot."""
    case.revise(["CREATE TABLE visits (id int PRIMARY KEY)"], ["DROP TABLE visits"])
    added, dropped = ["ALTER TABLE visits ADD COLUMN mood text"], ["ALTER TABLE visits DROP COLUMN mood"]
    case.revise(added, dropped, "0009", "0008")
    case.sql("insert into visits select n, 'old' from generate_series(1, 5) n")
    (name,) = case.sql("select current_database()")[0]
    case.sql(f"alter database {name} set default_transaction_isolation = 'repeatable read'")
    with psycopg.connect(case.workspace.database_urls["local"]) as writer:
        writer.execute("set transaction isolation level read committed")
        writer.execute("update visits set mood = 'new' where id = 1")
        committing = threading.Timer(2, writer.commit)
        committing.start()
        case.rollback()
        committing.join()
    assert case.sql("select mood from wish_rollout_archive.a1_1 where id = 1") == [("new",)]


def test_downgrade_with_a_snapshot_older_than_its_locks_is_refused(
    case: ArchiveCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        rollback_archive, "READ_COMMITTED", "set default_transaction_isolation = 'serializable'"
    )
    case.revise(["CREATE TABLE visits (id int PRIMARY KEY)"], ["DROP TABLE visits"])
    case.sql("insert into visits values (1)")
    with pytest.raises(ArchiveNeedsReadCommitted, match="serializable"):
        case.rollback()
    assert case.sql("select id from visits") == [(1,)]
