"""Sessions that would block a migration are found before its first statement, waited for, and named in the error."""

from __future__ import annotations

import subprocess
import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.servers import EMBEDDED, bindir_of
from wish_rollout.core.errors.hazards import BlockingTransactionsOpen
from wish_rollout.postgres.execution.blocker_forecast import find_blocking_transactions
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.sandbox.server import Server
from wish_rollout.sandbox.settings import ADMIN, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fix_project import Workspace

SCRIPT = """
from alembic import op
revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE wishlist_items ADD COLUMN colour text")


def downgrade() -> None:
    pass
"""


def blockers(url: str, *, concurrent: bool = False, older_ms: int = 0) -> list[str]:
    with connect(url, "the test") as connection:
        found = find_blocking_transactions(
            connection, ["public.items", "public.missing"], older_ms, concurrent=concurrent
        )
    return [f"{each.kind} of {each.owner.split(',')[0]} {each.tables}".strip() for each in found]


@pytest.fixture
def items(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("create table items (id int)")
        connection.execute("create table other (id int)")
    return database


def test_no_blockers_on_other_tables(items: str) -> None:
    with psycopg.connect(items) as other:
        other.execute("select from other")

        assert blockers(items) == []
        assert blockers(items, concurrent=True, older_ms=60_000) == []


def test_an_open_transaction_on_the_table_is_blockers(items: str) -> None:
    with psycopg.connect(items, application_name="report") as other:
        other.execute("select from items")

        assert blockers(items) == ["a transaction (idle in transaction) of report items"]
        assert blockers(items, older_ms=60_000) == []


def test_any_old_snapshot_blocks_a_concurrent_build(items: str) -> None:
    with psycopg.connect(items, application_name="report") as other:
        other.execute("set transaction isolation level repeatable read")
        other.execute("select from other")

        assert blockers(items) == []
        assert blockers(items, concurrent=True) == ["a transaction (idle in transaction) of report"]


def test_dump_is_a_blocker_at_any_age(items: str, server: Server) -> None:
    with psycopg.connect(items) as other, psycopg.connect(items, autocommit=True) as watch:
        other.execute("lock table other in access exclusive mode")  # the dump waits for this lock
        dump = subprocess.Popen([server.bindir / "pg_dump", items], stderr=subprocess.DEVNULL)
        try:
            until(lambda: blockers(items, older_ms=3_600_000) == ["a dump of pg_dump items"])
        finally:
            watch.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pg_dump'"
            )
            assert dump.wait(30) != 0


def test_prepared_transaction_is_named_by_its_gid(items: str) -> None:
    with psycopg.connect(items, autocommit=True) as session:
        try:
            for table in ("items", "other"):
                session.execute("begin")
                session.execute(f"insert into {table} values (1)".encode())
                session.execute(f"prepare transaction 'of {table}'".encode())

            assert blockers(items, older_ms=60_000) == ["a prepared transaction of 'of items' items"]
            assert blockers(items, older_ms=60_000, concurrent=True) == [
                "a prepared transaction of 'of items' items"
            ]
            session.execute("rollback prepared 'of items'")
            assert can_build(items), "a prepared transaction on another table has no snapshot"
        finally:
            session.execute("rollback prepared 'of other'")


def can_build(url: str) -> bool:
    """Return whether a concurrent index build completes without waiting."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("set lock_timeout = '300ms'")
        try:
            session.execute("create index concurrently built on items (id)")
        except psycopg.errors.LockNotAvailable:
            return False
        finally:
            session.execute("drop index if exists built")
    return True


def until(is_so: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_wraparound_vacuum_and_walsender_are_blockers_but_a_slot_is_not(
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
            assert blockers(url, concurrent=True) == ["a walsender of walsender"]
            assert not can_build(url), "it holds a snapshot of this database"
        until(lambda: blockers(url, concurrent=True) == [])
        assert session.execute("select catalog_xmin is not null from pg_replication_slots").fetchone() == (
            True,
        )
        assert can_build(url), "a slot holds vacuum back, and nobody else"

        session.execute(
            "insert into items select generate_series(1, 100000)"
        )  # more rows than it processes during the test
        session.execute(SLOW)
        session.execute(AGE)
        until(lambda: bool(blockers(url, older_ms=3_600_000)))
        assert blockers(url, older_ms=3_600_000) == ["a vacuum against wraparound of autovacuum worker items"]


SLOW = """
alter table items set (autovacuum_freeze_max_age = 100000, autovacuum_freeze_min_age = 0,
    autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)
"""
AGE = "do $$ begin for i in 1..100100 loop perform pg_current_xact_id(); commit; end loop; end $$"


@pytest.mark.one_version
def test_release_waits_until_the_blockers_end(each_workspace: Workspace) -> None:
    workspace = each_workspace
    workspace.migrate("local")
    (workspace.root / "migrations/versions/0008_colour.py").write_text(SCRIPT)
    workspace.edit(
        "rollout.toml", 'name = "local"', 'name = "local"\nbudgets = { quiet_for = 30, old_ms = 0 }'
    )
    with psycopg.connect(workspace.urls["local"]) as other:
        other.execute("select from wishlist_items")
        timer = threading.Timer(1, other.rollback)
        timer.start()

        workspace.migrate("local")
        timer.join()

    assert workspace.revision("local") == "0008"


def test_error_names_the_blockers_that_do_not_end(workspace: Workspace) -> None:
    workspace.migrate("local")
    (workspace.root / "migrations/versions/0008_colour.py").write_text(SCRIPT)
    workspace.edit(
        "rollout.toml", 'name = "local"', 'name = "local"\nbudgets = { quiet_for = 0.2, old_ms = 0 }'
    )
    before = workspace.identity()
    with psycopg.connect(workspace.urls["local"], application_name="forgotten") as other:
        other.execute("select from wishlist_items")
        with pytest.raises(
            BlockingTransactionsOpen, match=r"forgotten, pid \d+, for \d+ s \(holds wishlist_items\)"
        ):
            workspace.migrate("local")

    assert workspace.identity() == before
