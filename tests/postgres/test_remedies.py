"""A remedy reverts every mutation and applies it again, or reports that it does not cover it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.postgres.cases import Case, format_change, read_cases
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.schema.comparison import difference
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postgres.conftest import Server
    from wish_rollout.core.remedy.statements import Remedy
    from wish_rollout.core.schema.snapshot import Snapshot

MUTATIONS = read_cases("mutations")
SUPERUSER = Roles.of("postgres", {})


def run(connection: psycopg.Connection, found: Remedy) -> None:
    for statement in found.statements:
        try:
            connection.execute(statement.sql.encode())
        except psycopg.Error as error:
            raise AssertionError(f"{statement.sql}\n{error}\n{found.script(lossy=True)}") from error


def assert_remedied(live: Snapshot, promise: Snapshot, found: Remedy) -> None:
    """Assert that the only remaining drift is that which the remedy reports as not covered."""
    remaining = [format_change(change) for change in difference(promise, live).changes]
    if found.covered:
        assert not remaining, found.script(lossy=True)
    gaps = {f"{gap.kind} {gap.name}" for gap in found.gaps}
    assert not [each for each in remaining if not any(gap in each for gap in gaps)], found.script(lossy=True)


UNCOVERED = {
    "others: extension: member added": "a snapshot leaves out what an extension owns, so the change is not visible",
}
"""Cases that a remedy cannot handle, and the reason; docs/drift.md documents them."""


CASES_AND_VERSIONS = [(case, 18) for case in MUTATIONS] + [(case, 15) for case in MUTATIONS[::4]]
"""All cases on the newest version, and every fourth case on the oldest, to save time."""


@pytest.mark.parametrize(("case", "major"), CASES_AND_VERSIONS, ids=str)
def test_a_mutation_is_reverted_and_applied_again(
    case: Case, major: int, servers: Callable[[int], Server]
) -> None:
    server = servers(major)
    if server.major < case.since:
        pytest.skip(f"PostgreSQL {server.major} does not support it")
    before_sql, mutation = (part or "SELECT 1" for part in case.parts[:2])
    with server.scratch() as connection:
        connection.execute(before_sql.encode())
        before = read_snapshot(connection)
        connection.execute("SAVEPOINT before_mutation")
        connection.execute(mutation.encode())
        after = read_snapshot(connection)
        if case.title in UNCOVERED:
            return
        reverting = remedy(after, before, SUPERUSER, server.major)
        assert reverting
        run(connection, reverting)
        assert_remedied(read_snapshot(connection), before, reverting)
        if not reverting.covered:
            connection.execute("ROLLBACK TO before_mutation")
        applying = remedy(before, after, SUPERUSER, server.major)
        assert applying
        run(connection, applying)
        assert_remedied(read_snapshot(connection), after, applying)
