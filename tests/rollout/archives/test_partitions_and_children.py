"""Up, rows, down, up, restore: of partitions that a release attaches, and of child tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rollout.archives.conftest import allow_hazards

if TYPE_CHECKING:
    from tests.rollout.archives.conftest import ArchiveCase

EVENTS = "CREATE TABLE events (id int PRIMARY KEY, tenant int NOT NULL) PARTITION BY RANGE (id)"
OLD = "CREATE TABLE events_old (id int PRIMARY KEY, tenant int NOT NULL)"
NEW = "CREATE TABLE events_new PARTITION OF events FOR VALUES FROM (100) TO (200)"
ATTACH = "ALTER TABLE events ATTACH PARTITION events_old FOR VALUES FROM (0) TO (100)"
DETACH = "ALTER TABLE events DETACH PARTITION events_old"


@pytest.fixture(autouse=True)
def _allow(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_hazards(monkeypatch, "'attach-scan': 'few rows', 'required-column': 'no writers'")


def test_rows_of_parent_and_child_come_back(case: ArchiveCase) -> None:
    up = [
        "CREATE TABLE base (id int PRIMARY KEY, note text)",
        "CREATE TABLE a_leaf (extra text) INHERITS (base)",
    ]
    case.revise(up, ["DROP TABLE a_leaf", "DROP TABLE base"])
    case.sql("insert into base values (1, 'base'); insert into a_leaf values (1, 'leaf', 'extra')")
    case.rollback()
    case.again()
    (done,) = case.restore()
    assert (done.rows, done.left) == (2, 0)
    assert case.sql("select * from only base") == [(1, "base")]
    assert case.sql("select * from a_leaf") == [(1, "leaf", "extra")]


def test_values_of_a_column_of_an_attached_table_come_back(case: ArchiveCase) -> None:
    down = [DETACH, "ALTER TABLE events_old DROP COLUMN tenant"]
    up = ["ALTER TABLE events_old ADD COLUMN tenant int DEFAULT 1 NOT NULL", ATTACH]
    tables = [EVENTS.replace(" PRIMARY KEY", " NOT NULL"), OLD.replace(", tenant int NOT NULL", "")]
    case.revise(tables, ["DROP TABLE events_old, events"])
    case.revise([up[0], "ALTER TABLE events_old ALTER tenant DROP DEFAULT", up[1]], down, "0009", "0008")
    case.sql("insert into events values (1, 1), (2, 2)")
    case.rollback()
    assert case.sql("select * from events_old") == [(1,), (2,)]
    case.again()
    case.restore()
    assert case.sql("select * from events order by id") == [(1, 1), (2, 2)]


def test_values_of_a_table_that_becomes_a_child_come_back(case: ArchiveCase) -> None:
    tables = ["CREATE TABLE base (id int, x text)", "CREATE TABLE leaf (id int PRIMARY KEY, x varchar(2))"]
    case.revise(tables, ["DROP TABLE leaf, base"])
    up = [
        "ALTER TABLE leaf ALTER x TYPE text",
        "ALTER TABLE base ALTER id SET NOT NULL",
        "ALTER TABLE leaf INHERIT base",
    ]
    down = [
        "ALTER TABLE leaf NO INHERIT base",
        "ALTER TABLE base ALTER id DROP NOT NULL",
        "ALTER TABLE leaf ALTER x TYPE varchar(2) USING left(x, 2)",
    ]
    case.revise(up, down, "0009", "0008")
    case.sql("insert into leaf values (1, 'long value'), (2, 'ok')")
    case.rollback()
    assert case.sql("select * from leaf order by id") == [(1, "lo"), (2, "ok")]
    case.again()
    case.restore()
    assert case.sql("select * from base order by id") == [(1, "long value"), (2, "ok")]


def test_rows_of_a_partition_that_stays_are_neither_archived_nor_doubled(case: ArchiveCase) -> None:
    case.revise([OLD.replace(" PRIMARY KEY", " NOT NULL")], ["DROP TABLE events_old"])
    case.sql("insert into events_old values (1, 1), (2, 2)")
    up = [EVENTS.replace(" PRIMARY KEY", " NOT NULL"), NEW, ATTACH]
    case.revise(up, [DETACH, "DROP TABLE events"], "0009", "0008")
    case.sql("insert into events values (100, 3)")
    case.rollback()
    assert case.sql("select * from events_old order by id") == [(1, 1), (2, 2)]
    assert case.sql("select * from wish_rollout_archive.a1_1") == [(100, 3)]
    case.again()
    case.restore()
    assert case.sql("select * from events order by id") == [(1, 1), (2, 2), (100, 3)]
    case.sql("delete from events_new")
    case.workspace.edit("rollout.toml", 'name = "local"', 'name = "local"\nrollback = { on_rows = "refuse" }')
    case.rollback()
    assert case.sql("select * from events_old order by id") == [(1, 1), (2, 2)]


def test_value_of_a_default_that_is_dropped_is_replaced_in_partitions(case: ArchiveCase) -> None:
    case.revise([EVENTS, NEW], ["DROP TABLE events"])
    up = [
        "ALTER TABLE events ADD COLUMN mood text DEFAULT 'usual' NOT NULL",
        "ALTER TABLE events ALTER mood DROP DEFAULT",
    ]
    case.revise(up, ["ALTER TABLE events DROP COLUMN mood"], "0009", "0008")
    case.sql("insert into events values (101, 1, 'good'), (102, 1, 'bad')")
    case.rollback()
    case.again()
    (done,) = case.restore()
    assert (done.rows, done.left) == (2, 0)
    assert case.sql("select id, mood from events order by id") == [(101, "good"), (102, "bad")]


def test_partition_that_an_earlier_transaction_detaches_comes_back(case: ArchiveCase) -> None:
    """The downgrade that drops both tables begins after the one that detaches the partition has committed."""
    case.workspace.edit(
        "migrations/env.py", "connection=connection", "connection=connection, transaction_per_migration=True"
    )
    case.revise([EVENTS, NEW, OLD], ["DROP TABLE events_old", "DROP TABLE events"])
    case.revise([ATTACH], [DETACH], "0009", "0008")
    case.sql("insert into events values (1, 1), (100, 3)")
    case.rollback("0007")
    assert case.sql("select to_regclass('events'), to_regclass('events_old')") == [(None, None)]
    case.again()
    (done,) = case.restore()
    assert (done.rows, done.left) == (2, 0)
    assert case.sql("select * from events order by id") == [(1, 1), (100, 3)]
