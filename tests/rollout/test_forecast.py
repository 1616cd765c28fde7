"""Who would stand in the way is seen before the first statement, waited for, and named."""

from __future__ import annotations

import subprocess
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.servers import EMBEDDED, bindir_of
from wish_rollout.core.errors.hazards import BlockingTransactionsOpen
from wish_rollout.postgres.execution.blocker_forecast import forecast
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.sandbox.server import Server
from wish_rollout.sandbox.settings import ADMIN, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fix_project import Road

SCRIPT = """
from alembic import op
revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE wishlist_items ADD COLUMN colour text")


def downgrade() -> None:
    pass
"""


def named(url: str, *, concurrent: bool = False, older_ms: int = 0) -> list[str]:
    with connect(url, "the test") as connection:
        found = forecast(connection, ["public.items", "public.missing"], older_ms, concurrent=concurrent)
    return [f"{each.kind} of {each.who.split(',')[0]} {each.tables}".strip() for each in found]


@pytest.fixture
def items(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table items (id int)")
        connection.execute("create table other (id int)")
    return database


def test_a_quiet_database_names_nobody(items: str) -> None:
    with psycopg.connect(items) as other:
        other.execute("select from other")

        assert named(items) == []
        assert named(items, concurrent=True, older_ms=60_000) == []


def test_an_open_transaction_on_the_table_is_named(items: str) -> None:
    with psycopg.connect(items, application_name="report") as other:
        other.execute("select from items")

        assert named(items) == ["a transaction (idle in transaction) of report items"]
        assert named(items, older_ms=60_000) == []


def test_for_a_concurrent_build_any_old_snapshot_counts(items: str) -> None:
    with psycopg.connect(items, application_name="report") as other:
        other.execute("set transaction isolation level repeatable read")
        other.execute("select from other")

        assert named(items) == []
        assert named(items, concurrent=True) == ["a transaction (idle in transaction) of report"]


def test_a_dump_counts_however_young_it_is(items: str, server: Server) -> None:
    with psycopg.connect(items) as other, psycopg.connect(items, autocommit=True) as watch:
        other.execute("lock table other in access exclusive mode")  # it is in the middle of its work
        dump = subprocess.Popen([server.bindir / "pg_dump", items], stderr=subprocess.DEVNULL)
        try:
            until(lambda: named(items, older_ms=3_600_000) == ["a dump of pg_dump items"])
        finally:
            watch.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pg_dump'"
            )
            assert dump.wait(30) != 0


def test_a_prepared_transaction_is_named_by_its_gid(items: str) -> None:
    with psycopg.connect(items, autocommit=True) as session:
        try:
            for table in ("items", "other"):
                session.execute("begin")
                session.execute(f"insert into {table} values (1)".encode())
                session.execute(f"prepare transaction 'of {table}'".encode())

            assert named(items, older_ms=60_000) == ["a prepared transaction of 'of items' items"]
            assert named(items, older_ms=60_000, concurrent=True) == [
                "a prepared transaction of 'of items' items"
            ]
            session.execute("rollback prepared 'of items'")
            assert builds(items), "it has no snapshot, and the other table is none of ours"
        finally:
            session.execute("rollback prepared 'of other'")


def builds(url: str) -> bool:
    """Whether a concurrent build gets through at once."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("set lock_timeout = '300ms'")
        try:
            session.execute("create index concurrently built on items (id)")
        except psycopg.errors.LockNotAvailable:
            return False
        finally:
            session.execute("drop index if exists built")
    return True


def until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_vacuum_against_wraparound_and_a_walsender_but_no_slot(
    sandbox_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"wal_level": "logical", "max_wal_senders": "2", "autovacuum_naptime": "1"}.items():
        monkeypatch.setitem(SETTINGS, name, value)
    server = Server(bindir_of(EMBEDDED) or sandbox_home, sandbox_home)
    server.up()
    url = server.url("postgres", ADMIN)
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("create table items (id int)")
        with psycopg.connect(f"{url}?replication=database", autocommit=True) as walsender:
            walsender.execute("CREATE_REPLICATION_SLOT kept LOGICAL pgoutput (SNAPSHOT 'export')")
            assert named(url, concurrent=True) == ["a walsender of walsender"]
            assert not builds(url), "it holds a snapshot of this database"
        until(lambda: named(url, concurrent=True) == [])
        assert session.execute("select catalog_xmin is not null from pg_replication_slots").fetchone() == (
            True,
        )
        assert builds(url), "a slot holds vacuum back, and nobody else"

        session.execute(
            "insert into items select generate_series(1, 100000)"
        )  # more than it gets through below
        session.execute(SLOW)
        session.execute(AGE)
        until(lambda: bool(named(url, older_ms=3_600_000)))
        assert named(url, older_ms=3_600_000) == ["a vacuum against wraparound of autovacuum worker items"]


SLOW = """
alter table items set (autovacuum_freeze_max_age = 100000, autovacuum_freeze_min_age = 0,
    autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)
"""
AGE = "do $$ begin for i in 1..100100 loop perform pg_current_xact_id(); commit; end loop; end $$"


def test_the_release_waits_for_a_quiet_moment(each_road: Road) -> None:
    road = each_road
    road.migrate("local")
    (road.root / "migrations/versions/0008_colour.py").write_text(SCRIPT)
    road.edit("rollout.toml", 'name = "local"', 'name = "local"\nbudgets = { quiet_for = 30, old_ms = 0 }')
    with psycopg.connect(road.urls["local"]) as other:
        other.execute("select from wishlist_items")
        timer = threading.Timer(1, other.rollback)
        timer.start()

        road.migrate("local")
        timer.join()

    assert road.revision("local") == "0008"


def test_it_refuses_and_names_who_does_not_end(road: Road) -> None:
    road.migrate("local")
    (road.root / "migrations/versions/0008_colour.py").write_text(SCRIPT)
    road.edit("rollout.toml", 'name = "local"', 'name = "local"\nbudgets = { quiet_for = 0.2, old_ms = 0 }')
    before = road.identity()
    with psycopg.connect(road.urls["local"], application_name="forgotten") as other:
        other.execute("select from wishlist_items")
        with pytest.raises(BlockingTransactionsOpen, match=r"forgotten, pid \d+, for \d+ s \(holds wishlist_items\)"):
            road.migrate("local")

    assert road.identity() == before
