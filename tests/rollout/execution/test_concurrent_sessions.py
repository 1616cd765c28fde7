"""A migration of a database in use: limited lock waits, cancellation if it blocks sessions, and new attempts."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from wish_rollout.core.errors.hazards import BlockedSessions, LocksUnavailable, WatchdogMissing
from wish_rollout.core.errors.statements import StatementFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Workspace

SCRIPT = """
from alembic import op
revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("ALTER TABLE wishlist_items ADD COLUMN colour text")
    op.execute("CREATE TABLE later (id int)")


def downgrade() -> None:
    pass
"""
DEADLOCK = """op.execute("SELECT pg_advisory_xact_lock(1)")
    op.execute(\"CREATE"""
DETAIL = "select detail from wish_rollout.ledger order by seq desc limit 1"
OF_DATABASE = "database = (select oid from pg_database where datname = current_database())"
WAITS = f"select count(*) from pg_locks where not granted and locktype = 'advisory' and {OF_DATABASE}"
RESERVED = f"""
select count(*) from pg_locks
where granted and mode = 'ShareUpdateExclusiveLock' and relation = 'wishlist_items'::regclass and {OF_DATABASE}
"""
PATIENT = "longest_wait_ms = 20000, transaction = { lock_ms = 20000, statement_ms = 30000 }"
COLUMN = (
    "select count(*) from pg_attribute where attrelid = 'wishlist_items'::regclass and attname = 'colour'"
)


def prepare(workspace: Workspace, budgets: str) -> None:
    workspace.migrate("local")
    workspace.edit("rollout.toml", 'name = "local"', f'name = "local"\nbudgets = {{ {budgets} }}')
    (workspace.root / "migrations/versions/0008_colour.py").write_text(SCRIPT)


@contextmanager
def session(workspace: Workspace, *statements: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a transaction of an application, and yield its connection."""
    with psycopg.connect(workspace.urls["local"], application_name="application") as connection:
        for statement in statements:
            connection.execute(statement.encode())
        yield connection


class BackgroundMigration(threading.Thread):
    """A migration of local in another thread."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(daemon=True)
        self.workspace = workspace
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.workspace.migrate("local")
        except Exception as error:  # noqa: BLE001
            self.error = error

    def wait_for_end(self) -> None:
        self.join(60)
        assert not self.is_alive()
        if self.error:
            raise self.error


def until(
    workspace: Workspace, query: str, seconds: float = 60, migration: BackgroundMigration | None = None
) -> None:
    end = time.monotonic() + seconds
    while workspace.sql("local", query) == [(0,)]:
        assert migration is None or migration.is_alive(), migration.error
        assert time.monotonic() < end, query
        time.sleep(0.01)


@pytest.mark.one_version
def test_lock_that_is_released_in_time_only_delays_the_migration(each_workspace: Workspace) -> None:
    workspace = each_workspace
    prepare(workspace, "retry_for = 30")
    longest = 0.0
    with session(workspace, "select from wishlist_items") as reader, session(workspace) as other:
        migration = BackgroundMigration(workspace)
        until(workspace, RESERVED)
        for _ in range(100):
            started = time.monotonic()
            other.execute("select from wishlist_items")
            other.rollback()
            longest = max(longest, time.monotonic() - started)
            time.sleep(0.005)
        assert migration.is_alive()
        reader.rollback()
        migration.wait_for_end()

    detail: Any = workspace.sql("local", DETAIL)[0][0]
    assert (workspace.revision("local"), workspace.sql("local", COLUMN)) == ("0008", [(1,)])
    assert longest < 0.025 + 0.3, "a query waits for longest_wait_ms at most; the rest is the test machine's"
    assert 0 < detail["locks"]["longest_wait_ms"] < 25 + 300
    assert detail["locks"]["requests"] > 1


@pytest.mark.one_version
def test_lock_that_is_held_too_long_stops_the_migration_without_changes(
    each_workspace: Workspace,
) -> None:
    workspace = each_workspace
    prepare(workspace, "retry_for = 1")
    before = workspace.identity()
    started = time.monotonic()

    with session(workspace, "select from wishlist_items"), pytest.raises(LocksUnavailable) as failed:
        workspace.migrate("local")

    assert failed.value.tables == "public.wishlist_items (ACCESS EXCLUSIVE)"
    assert "application, pid" in failed.value.holders
    assert time.monotonic() - started < 15
    assert workspace.identity() == before


def test_statement_timeout_is_not_retried(workspace: Workspace) -> None:
    prepare(workspace, "retry_for = 60, transaction = { lock_ms = 9000, statement_ms = 200 }")
    workspace.edit("migrations/versions/0008_colour.py", "CREATE TABLE later (id int)", "SELECT pg_sleep(1)")

    with pytest.raises(StatementFailed) as failed:
        workspace.migrate("local")

    assert failed.value.sqlstate == "57014"


@pytest.mark.one_version
def test_migration_that_blocks_sessions_too_long_is_cancelled_and_retried(each_workspace: Workspace) -> None:
    workspace = each_workspace
    prepare(workspace, f"retry_for = 30, blocked_ms = 200, {PATIENT}")
    workspace.edit("migrations/versions/0008_colour.py", 'op.execute("CREATE', DEADLOCK)
    with session(workspace, "select pg_advisory_lock(1)", "commit") as holder, session(workspace) as behind:
        migration = BackgroundMigration(workspace)
        until(workspace, WAITS, migration=migration)
        started = time.monotonic()
        behind.execute("select 'secret literal' from wishlist_items")
        waited = time.monotonic() - started
        behind.rollback()
        holder.execute("select pg_advisory_unlock(1)")
        holder.commit()
        migration.wait_for_end()

    assert waited < 0.2 + 0.1 + 1.0, "the last second is the test machine's"
    detail: Any = workspace.sql("local", DETAIL)[0][0]
    assert detail["blocked_sessions"][0]["sessions"] == 1
    assert detail["blocked_sessions"][0]["longest_ms"] >= 200
    assert detail["attempts"] > 1
    assert "secret" not in json.dumps(detail)
    assert workspace.revision("local") == "0008"


def test_too_many_blocked_sessions_cancel_the_migration_at_once(workspace: Workspace) -> None:
    prepare(workspace, f"retry_for = 0, blocked = 1, blocked_ms = 60000, {PATIENT}")
    workspace.edit("migrations/versions/0008_colour.py", 'op.execute("CREATE', DEADLOCK)
    before = workspace.identity()
    with (
        session(workspace, "select pg_advisory_lock(1)", "commit"),
        session(workspace) as one,
        session(workspace) as two,
    ):
        migration = BackgroundMigration(workspace)
        until(workspace, WAITS, migration=migration)
        query = b"select from wishlist_items"
        threads = [threading.Thread(target=each.execute, args=(query,)) for each in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
        with pytest.raises(BlockedSessions) as held:
            migration.wait_for_end()

    assert (held.value.exit_code, held.value.sessions) == (6, 2)
    assert workspace.identity() == before


def test_deadlock_with_an_application_is_retried(workspace: Workspace) -> None:
    prepare(
        workspace,
        f"retry_for = 60, blocked_ms = 60000, {PATIENT}",
    )
    script = workspace.root / "migrations/versions/0008_colour.py"
    script.write_text(script.read_text().replace('op.execute("CREATE', DEADLOCK))
    workspace.as_superuser("local", "grant set on parameter deadlock_timeout to public")
    with session(workspace, "set deadlock_timeout = '1h'", "select pg_advisory_xact_lock(1)") as application:
        migration = BackgroundMigration(workspace)
        until(workspace, WAITS, migration=migration)
        application.execute("select from wishlist_items")  # the session that waits first detects the deadlock
        application.rollback()
        migration.wait_for_end()

    detail: Any = workspace.sql("local", DETAIL)[0][0]
    assert (workspace.revision("local"), detail["attempts"] > 1) == ("0008", True)


def test_statement_that_blocks_queries_does_not_run_without_the_watchdog(workspace: Workspace) -> None:
    prepare(workspace, "retry_for = 0")
    (name,) = workspace.sql("local", "select current_database()")[0]
    workspace.as_superuser("local", f'alter database "{name}" connection limit 1')

    with pytest.raises(WatchdogMissing, match="too many connections"):
        workspace.migrate("local")

    assert workspace.revision("local") == "0007"
    workspace.edit(
        "migrations/versions/0008_colour.py",
        "ALTER TABLE wishlist_items ADD",
        "CREATE TABLE new (id int); --",
    )
    workspace.migrate("local")
    assert workspace.revision("local") == "0008", "it locks no table that others use, so it needs no watchdog"


def test_lost_watchdog_connection_is_opened_again(workspace: Workspace) -> None:
    prepare(workspace, f"retry_for = 0, {PATIENT}")
    workspace.edit("migrations/versions/0008_colour.py", 'op.execute("CREATE', DEADLOCK)
    watch = "from pg_stat_activity where application_name like '%watchdog' and datname = current_database() and pid <> "
    with session(workspace, "select pg_advisory_lock(1)", "commit") as application:
        migration = BackgroundMigration(workspace)
        until(workspace, WAITS, migration=migration)
        until(workspace, f"select count(*) {watch} pg_backend_pid()")
        (first,) = workspace.sql("local", f"select pg_terminate_backend(pid), pid {watch} pg_backend_pid()")
        until(workspace, f"select count(*) {watch} all(array[pg_backend_pid(), {first[1]}])")
        application.execute("select pg_advisory_unlock(1)")
        migration.wait_for_end()

    detail: Any = workspace.sql("local", DETAIL)[0][0]
    assert (workspace.revision("local"), detail["watch_lost"]) == ("0008", 1)
