"""Who would stand in the way is seen before the first statement, waited for, and named."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from wish_rollout.core.hazard_errors import NotQuiet
from wish_rollout.postgres.connect import connect
from wish_rollout.postgres.forecast import forecast

if TYPE_CHECKING:
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


def test_a_dump_counts_however_young_it_is(items: str) -> None:
    with psycopg.connect(items, application_name="pg_dump") as dump:
        dump.execute("lock table items in access share mode")

        assert named(items, older_ms=3_600_000) == ["a dump of pg_dump items"]


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
        with pytest.raises(NotQuiet, match=r"forgotten, pid \d+, for \d+ s \(holds wishlist_items\)"):
            road.migrate("local")

    assert road.identity() == before
