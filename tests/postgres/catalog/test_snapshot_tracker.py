"""Reading only what a transaction changed finds what a full read finds, for every kind of schema change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.postgres.cases import EVERYTHING, Case, read_cases
from tests.postgres.conftest import MAJORS
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.scope import Scope
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot
from wish_rollout.postgres.changes.snapshot_tracker import SnapshotTracker

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from tests.postgres.conftest import Server

MUTATIONS = read_cases("mutations")
LAST_CHECKS_EVERY = 1 if EVERYTHING else 4
"""Another object is created and dropped after every fourth mutation, to save time; with WISH_ALL_MUTATIONS after each."""


@pytest.mark.parametrize(("number", "case"), list(enumerate(MUTATIONS)), ids=str)
def test_a_mutation_is_tracked(number: int, case: Case, servers: Callable[[int], Server]) -> None:
    """Made, taken back, made again, and another object created and dropped; on the oldest or the newest version."""
    supported = [major for major in MAJORS if major >= case.since]
    server = servers(supported[-(number % 2)])
    before_sql, mutation, _ = case.parts
    with server.scratch() as connection:
        connection.execute(before_sql or "SELECT 1")
        tracker = SnapshotTracker(connection, Scope())
        mutated = check_change(connection, tracker, mutation)
        check_change(connection, tracker, mutation, committed=True, full=mutated)
        check_change(connection, tracker, mutation, accepted=True, full=mutated)
        if number // 2 % LAST_CHECKS_EVERY == 0:
            check_change(connection, tracker, "CREATE TABLE tracked_last (id int PRIMARY KEY)", accepted=True)
            check_change(connection, tracker, "DROP TABLE tracked_last", accepted=True, full=mutated)
        assert Snapshot(tracker.objects).has_same_objects(mutated)


def check_change(
    connection: psycopg.Connection,
    tracker: SnapshotTracker,
    sql: str,
    *,
    committed: bool = False,
    accepted: bool = False,
    full: Snapshot | None = None,
) -> Snapshot:
    """Check that reading what one statement changed leads to what a full read finds, which is returned.

    ``full``: the result of a full read of the same schema.
    """
    since = next_transaction(connection)
    with connection.transaction(force_rollback=not accepted):
        mark = replace(tracker.mark(), since=since)
        connection.execute(sql)
        change = tracker.read(mark, committed=committed, own=not committed)
        objects = {key: value for key, value in tracker.objects.items() if key not in change.keys}
        found = Snapshot({**objects, **change.after}, tracker.readable_properties)
        full = full or read_snapshot(connection)
        assert not difference(full, found).changes
        assert found.has_same_objects(full)
    if accepted:
        tracker.accept(change)
    return full


def next_transaction(connection: psycopg.Connection) -> int:
    """Return an ID that the next savepoint's rows are not below, and all rows until now are."""
    with connection.transaction():
        connection.execute("CREATE TABLE tracked_probe ()")
        row = connection.execute("SELECT xmin::text FROM pg_class WHERE relname = 'tracked_probe'").fetchone()
        connection.execute("DROP TABLE tracked_probe")
    assert row
    return int(row[0]) + 1
