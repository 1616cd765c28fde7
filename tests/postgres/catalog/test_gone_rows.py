"""Rows that a transaction has deleted: found by the objects that it has locked, if the numbers of rows agree."""

from __future__ import annotations

import psycopg
import pytest

from wish_rollout.core.schema.scope import Scope
from wish_rollout.postgres.changes.snapshot_tracker import SnapshotTracker
from wish_rollout.postgres.changes.written_rows import Entry, Rows, gone_locked_rows

ROW = Entry(0, "", "")
KNOWN: Rows = {
    "pg_class": {(1, 0): ROW, (2, 0): ROW},
    "pg_inherits": {(1, 7): ROW, (1, 8): ROW, (2, 7): ROW},
    "pg_enum": {(5, 0): Entry(50, "", ""), (6, 0): Entry(60, "", "")},
}


@pytest.mark.parametrize(
    ("remaining", "gone"),
    [
        ({"pg_class": (1, set())}, {"pg_class": [(1, 0)]}),
        ({"pg_class": (2, {(1, 0)})}, {"pg_class": []}),
        ({"pg_class": (0, set())}, None),
        ({"pg_inherits": (2, {(1, 8)})}, {"pg_inherits": [(1, 7)]}),
        ({"pg_enum": (1, set())}, {"pg_enum": [(5, 0)]}),
        ({"pg_enum": (1, set()), "pg_class": (2, set())}, None),
    ],
)
def test_the_numbers_of_rows_prove_that_no_other_row_is_gone(
    remaining: dict[str, tuple[int, set[tuple[int, int]]]], gone: dict[str, list[tuple[int, int]]] | None
) -> None:
    found = gone_locked_rows(KNOWN, {}, {1, 50}, remaining)
    assert gone == (None if found is None else {name: list(rows) for name, rows in found.items()})


def test_new_rows_are_counted() -> None:
    written: Rows = {"pg_class": {(1, 0): ROW, (9, 0): ROW}}
    assert gone_locked_rows(KNOWN, written, {9}, {"pg_class": (3, {(9, 0)})}) == {"pg_class": {}}
    assert gone_locked_rows(KNOWN, written, {9}, {"pg_class": (2, {(9, 0)})}) is None


def test_another_session_that_creates_and_drops_tables_does_not_hide_what_is_gone(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("CREATE TABLE ours (id int PRIMARY KEY); CREATE TABLE theirs (id int PRIMARY KEY)")
        with psycopg.connect(database) as connection:
            tracker = SnapshotTracker(connection, Scope())
            mark = tracker.mark()
            connection.execute("DROP TABLE ours")
            other.execute("DROP TABLE theirs; CREATE TABLE added (id int)")
            change = tracker.read(mark, own=True)
            assert ("table", "public.ours") in change.keys
            assert ("table", "public.ours") not in change.after
