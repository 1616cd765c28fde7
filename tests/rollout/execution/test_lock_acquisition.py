"""Measured locks, and taking them on a server in use, without waiting in the queue."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from wish_rollout.core.release.table_locks import LockMode, TableLock, merge_locks
from wish_rollout.postgres.execution.blocker_forecast import describe_lock_holders
from wish_rollout.postgres.execution.lock_acquisition import LockLimits, LockWaits, take_locks
from wish_rollout.postgres.execution.lock_measurement import LockMeter
from wish_rollout.postgres.execution.lock_requests import prepare_request

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES = """
create table a (id int primary key, n int, t text);
create table b (id int primary key, a int references a);
create table parent (id int, day int) partition by range (day);
create table child partition of parent for values from (0) to (10);
create view seen as select id from a;
"""
MEASURED = [
    ("alter table a add c int", ["a ACCESS EXCLUSIVE"], [], []),
    ("alter table a alter n type bigint", ["a ACCESS EXCLUSIVE"], ["a"], ["a", "a_pkey"]),
    ("alter table a alter n set not null", ["a ACCESS EXCLUSIVE"], ["a"], []),
    ("create index on a (n)", ["a SHARE"], ["a"], []),
    ("alter table b add foreign key (id) references a not valid", ["a SHARE ROW EXCLUSIVE", "b SHARE ROW EXCLUSIVE"], [], []),
    ("create table new (id int references a)", ["a SHARE ROW EXCLUSIVE"], [], []),
    ("alter table parent add c int", ["child ACCESS EXCLUSIVE", "parent ACCESS EXCLUSIVE"], [], []),
    ("create table q partition of parent for values from (10) to (20)", ["ONLY parent ACCESS EXCLUSIVE"], [], []),
    ("drop table b", ["a ACCESS EXCLUSIVE", "b ACCESS EXCLUSIVE"], [], []),
    ("alter table a rename to z; alter table z add c int", ["a ACCESS EXCLUSIVE"], [], []),
    ("insert into a values (1)", ["a ROW EXCLUSIVE"], [], []),
    ("create table new (); alter table new add c int; select 1", [], [], []),
    ("update seen set id = 1", ["a ROW EXCLUSIVE"], ["a"], []),
]  # fmt: skip


def lock(table: str, mode: LockMode = LockMode.ACCESS_EXCLUSIVE, *, recursive: bool = True) -> TableLock:
    return TableLock("public", table, mode, recursive=recursive)


def take(
    connection: psycopg.Connection[Any],
    *locks: TableLock,
    seconds: float = 20,
    waits: LockWaits | None = None,
) -> bool:
    request = prepare_request(connection, locks)
    limits = LockLimits(longest_wait_ms=25, reserve_ms=1500, seconds=seconds)
    return take_locks(connection, request, waits or LockWaits(), limits, lambda: None)


@pytest.fixture
def tables(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(TABLES)
    return database


@contextmanager
def clients(count: int, act: Any) -> Iterator[list[float]]:
    """Run ``act`` repeatedly in threads; yield the list of the seconds that each call took."""
    stop = threading.Event()
    took: list[float] = []
    errors: list[psycopg.Error] = []

    def run() -> None:
        try:
            act(stop, took)
        except psycopg.Error as error:
            errors.append(error)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield took
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
    assert errors == []


def test_measured_locks_scans_and_rewrites(tables: str) -> None:
    with psycopg.connect(tables) as session, psycopg.connect(tables, autocommit=True) as observer:
        meter = LockMeter(session, observer)
        for sql, locks, scans, rewrites in MEASURED:
            session.execute("select from b")
            meter.measure("", outside=False)
            meter.begin()
            session.execute(sql.encode())
            found = meter.measure("digest", outside=False)
            session.rollback()
            texts = [
                f"{'' if each.recursive else 'ONLY '}{each.table} {each.mode.sql}"
                for each in merge_locks(found.locks or ())
            ]
            strong = [text for text in texts if not text.endswith(("ACCESS SHARE", "ROW SHARE"))]
            names = [
                [name.removeprefix("public.") for name in each] for each in (found.scans, found.rewrites)
            ]
            assert (strong, *names) == (locks, scans, rewrites), sql


SCAN, NO_SCAN = "select count(*) from a", "alter table a add column {} int"


def test_scans_that_were_not_measured_are_not_those_of_the_next_statement(tables: str) -> None:
    with psycopg.connect(tables) as session, psycopg.connect(tables, autocommit=True) as observer:
        meter = LockMeter(session, observer)

        def scans(sql: str) -> tuple[str, ...]:
            meter.begin()
            session.execute(sql.encode())
            return meter.measure("", outside=False).scans

        assert (scans(SCAN), scans(NO_SCAN.format("b"))) == (("public.a",), ())
        session.commit()
        assert (scans(NO_SCAN.format("c")), scans(SCAN)) == ((), ("public.a",))
        session.rollback()
        session.execute(SCAN)
        session.commit()
        assert scans(NO_SCAN.format("d")) == ()
        session.commit()
        session.execute(SCAN)  # begins a transaction that comes directly after a measured one
        assert scans(NO_SCAN.format("f")) == ()
        session.execute(SCAN)
        session.execute("commit; begin; select from b")  # no count is reported between the two
        meter.measure("", outside=False)
        assert scans(NO_SCAN.format("g")) == ()
        with session.transaction(force_rollback=True):
            session.execute("select count(*) from b")
        assert scans("alter table b add c int") == ()
        session.commit()
        session.autocommit = True
        session.execute("create index concurrently on a (n)")
        session.autocommit = False
        assert (scans(NO_SCAN.format("e")), scans(SCAN)) == ((), ("public.a",))


def test_an_application_that_locks_two_tables_in_the_other_order_is_no_deadlock(tables: str) -> None:
    def act(stop: threading.Event, took: list[float]) -> None:
        with psycopg.connect(tables) as session:
            while not stop.wait(0.001):
                started = time.monotonic()
                session.execute("select from b")
                session.execute("select from a")
                session.commit()
                took.append(time.monotonic() - started)

    with clients(3, act), psycopg.connect(tables) as session:
        for _ in range(20):
            assert take(session, lock("a"), lock("b"))
            session.rollback()


def test_forty_clients_without_pauses_wait_for_no_longer_than_allowed(tables: str) -> None:
    def act(stop: threading.Event, took: list[float]) -> None:
        with psycopg.connect(tables) as session:
            while not stop.is_set():
                session.execute("select from b where id = pg_backend_pid()")
                stop.wait(0.02)
                session.commit()

    waits = LockWaits()
    with clients(40, act), psycopg.connect(tables) as session:
        is_taken = take(session, lock("b"), seconds=3, waits=waits)
        session.rollback()
        assert 0 < waits.longest_wait_ms < 25 + 300 or is_taken

        assert take(session, lock("a")), "the clients do not use this table"


def test_tables_that_are_dropped_or_cannot_be_locked_are_left_to_the_statements(tables: str) -> None:
    with psycopg.connect(tables) as session, psycopg.connect(tables, autocommit=True) as other:
        assert prepare_request(session, [lock("missing"), lock("seen")]).locks == ()
        request = prepare_request(session, [lock("a"), lock("b")])
        session.commit()
        other.execute("drop table b")
        waits = LockWaits()
        limits = LockLimits(longest_wait_ms=25, reserve_ms=100, seconds=1)
        session.execute("select 1")

        assert take_locks(session, request, waits, limits, lambda: None)
        assert waits.as_dict().get("not_lockable", waits.not_lockable) == [
            'relation "public.b" does not exist'
        ]
        assert session.execute("select count(*) from pg_locks where relation = 'a'::regclass").fetchone() == (
            0,
        )


def test_locks_of_partitions_and_of_a_parent_alone(tables: str) -> None:
    held = "select count(*) from pg_locks where relation = 'child'::regclass and mode = 'AccessExclusiveLock'"
    with psycopg.connect(tables) as session, psycopg.connect(tables) as other:
        other.execute("select from only child")
        assert take(session, lock("parent", recursive=False))
        assert session.execute(held).fetchone() == (0,)
        session.rollback()
        assert not take(session, lock("parent"), seconds=0.1)
        assert "a transaction (idle in transaction)" in describe_lock_holders(session, [("public", "child")])
        session.rollback()
        other.rollback()
        assert take(session, lock("parent"))
        assert session.execute(held).fetchone() == (1,)


def test_autovacuum_gives_way(tables: str) -> None:
    """A manual VACUUM holds the same lock, and does not give way: the request is refused in time, and blocks no query."""
    with (
        psycopg.connect(tables) as session,
        psycopg.connect(tables) as vacuum,
        psycopg.connect(tables) as reader,
    ):
        vacuum.execute("lock table a in share update exclusive mode")
        thread = threading.Thread(target=lambda: reader.execute("select from a"))
        started = time.monotonic()
        session.execute("select 1")
        requested = threading.Thread(target=lambda: take(session, lock("a"), seconds=0.1))
        requested.start()
        thread.start()
        thread.join(1)
        assert not thread.is_alive()
        requested.join(20)
        assert 1.4 < time.monotonic() - started < 10
