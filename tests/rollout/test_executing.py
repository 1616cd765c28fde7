"""A migration among others who use the database: it waits little, gets out of their way, and comes back."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from wish_rollout.core.errors.databases import StatementFailed, DatabaseUnreachable
from wish_rollout.core.errors.hazards import BlockedSessions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Road

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
WAITS = "select count(*) from pg_locks where not granted and relation = 'wishlist_items'::regclass"
COLUMN = (
    "select count(*) from pg_attribute where attrelid = 'wishlist_items'::regclass and attname = 'colour'"
)


def prepare(road: Road, budgets: str) -> None:
    road.migrate("local")
    road.edit("rollout.toml", 'name = "local"', f'name = "local"\nbudgets = {{ {budgets} }}')
    (road.root / "migrations/versions/0008_colour.py").write_text(SCRIPT)


@contextmanager
def session(road: Road, *statements: str) -> Iterator[psycopg.Connection[Any]]:
    """An application's session, in a transaction."""
    with psycopg.connect(road.urls["local"], application_name="application") as connection:
        for statement in statements:
            connection.execute(statement.encode())
        yield connection


class Behind(threading.Thread):
    """A migration in a thread of its own."""

    def __init__(self, road: Road) -> None:
        super().__init__(daemon=True)
        self.road = road
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.road.migrate("local")
        except Exception as error:  # noqa: BLE001
            self.error = error

    def ended(self) -> None:
        self.join(60)
        assert not self.is_alive()
        if self.error:
            raise self.error


def until(road: Road, query: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while road.sql("local", query) == [(0,)]:
        assert time.monotonic() < end, query
        time.sleep(0.01)


def test_a_lock_that_is_free_again_within_the_window_is_only_a_delay(each_road: Road) -> None:
    road = each_road
    prepare(road, "retry_for = 30, transaction = { lock_ms = 150, statement_ms = 9000 }")
    with session(road, "select from wishlist_items") as reader:
        migration = Behind(road)
        until(road, WAITS)
        until(road, f"select 1 - ({WAITS})")
        reader.rollback()
        migration.ended()

    detail: Any = road.sql("local", DETAIL)[0][0]
    assert (road.revision("local"), road.sql("local", COLUMN)) == ("0008", [(1,)])
    assert detail["attempts"] > 1


def test_a_lock_held_for_longer_than_the_window_ends_it_with_nothing_changed(each_road: Road) -> None:
    road = each_road
    prepare(road, "retry_for = 1, transaction = { lock_ms = 100, statement_ms = 9000 }")
    before = road.identity()
    started = time.monotonic()

    with session(road, "select from wishlist_items"), pytest.raises(StatementFailed) as failed:
        road.migrate("local")

    assert failed.value.sqlstate == "55P03"
    assert time.monotonic() - started < 15
    assert road.identity() == before


def test_a_statement_that_takes_too_long_is_not_tried_again(road: Road) -> None:
    prepare(road, "retry_for = 60, transaction = { lock_ms = 9000, statement_ms = 200 }")

    with session(road, "select from wishlist_items"), pytest.raises(StatementFailed) as failed:
        road.migrate("local")

    assert failed.value.sqlstate == "57014"


def test_it_gets_out_of_the_way_of_those_behind_it(each_road: Road) -> None:
    road = each_road
    limit = "transaction = { lock_ms = 20000, statement_ms = 30000 }"
    prepare(road, f"retry_for = 30, blocked_ms = 200, {limit}")
    with session(road, "select from wishlist_items") as reader, session(road) as behind:
        migration = Behind(road)
        until(road, WAITS)
        started = time.monotonic()
        behind.execute("select 'secret literal' from wishlist_items")
        waited = time.monotonic() - started
        behind.rollback()
        reader.rollback()
        migration.ended()

    assert waited < 0.2 + 0.1 + 1.0, "the last second is the test machine's"
    detail: Any = road.sql("local", DETAIL)[0][0]
    assert detail["held_up"][0]["sessions"] == 1
    assert detail["held_up"][0]["longest_ms"] >= 200
    assert "secret" not in json.dumps(detail)
    assert road.revision("local") == "0008"


def test_too_many_behind_it_are_too_many_at_once(road: Road) -> None:
    limit = "transaction = { lock_ms = 20000, statement_ms = 30000 }"
    prepare(road, f"retry_for = 0, blocked = 1, blocked_ms = 60000, {limit}")
    before = road.identity()
    with session(road, "select from wishlist_items"), session(road) as one, session(road) as two:
        migration = Behind(road)
        until(road, WAITS)
        query = b"select from wishlist_items"
        threads = [threading.Thread(target=each.execute, args=(query,)) for each in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
        with pytest.raises(BlockedSessions) as held:
            migration.ended()

    assert (held.value.exit_code, held.value.sessions) == (6, 2)
    assert road.identity() == before


def test_a_deadlock_with_an_application_is_tried_again(road: Road) -> None:
    prepare(
        road, "retry_for = 60, blocked_ms = 60000, transaction = { lock_ms = 20000, statement_ms = 30000 }"
    )
    script = road.root / "migrations/versions/0008_colour.py"
    script.write_text(script.read_text().replace('op.execute("CREATE', DEADLOCK))
    road.as_superuser("local", "grant set on parameter deadlock_timeout to public")
    with session(road, "set deadlock_timeout = '1h'", "select pg_advisory_xact_lock(1)") as application:
        migration = Behind(road)
        until(road, "select count(*) from pg_locks where locktype = 'advisory' and not granted")
        application.execute(
            "select from wishlist_items"
        )  # who waits first is the one that finds the deadlock
        application.rollback()
        migration.ended()

    detail: Any = road.sql("local", DETAIL)[0][0]
    assert (road.revision("local"), detail["attempts"] > 1) == ("0008", True)


def test_nothing_runs_unwatched(road: Road) -> None:
    prepare(road, "retry_for = 0")
    (name,) = road.sql("local", "select current_database()")[0]
    road.as_superuser("local", f'alter database "{name}" connection limit 1')

    with pytest.raises(DatabaseUnreachable, match="too many connections"):
        road.migrate("local")

    assert road.revision("local") == "0007"


def test_a_watch_that_is_lost_is_taken_up_again(road: Road) -> None:
    prepare(road, "retry_for = 0")
    road.edit("migrations/versions/0008_colour.py", 'op.execute("CREATE', DEADLOCK)
    waits = "select count(*) from pg_locks where not granted and locktype = 'advisory'"
    watch = "from pg_stat_activity where query like '%pg_blocking_pids%' and datname = current_database() and pid <> "
    with session(road, "select pg_advisory_lock(1)", "commit") as application:
        migration = Behind(road)
        until(road, waits)
        until(road, f"select count(*) {watch} pg_backend_pid()")
        (first,) = road.sql("local", f"select pg_terminate_backend(pid), pid {watch} pg_backend_pid()")
        until(road, f"select count(*) {watch} all(array[pg_backend_pid(), {first[1]}])")
        application.execute("select pg_advisory_unlock(1)")
        migration.ended()

    detail: Any = road.sql("local", DETAIL)[0][0]
    assert (road.revision("local"), detail["watch_lost"]) == ("0008", 1)
