"""Every mutation is taken back, and repeated, by the remedy; or the remedy says that it does not cover it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.postgres.cases import Case, read_cases, told
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
    """Nothing is left of the drift but what the remedy names."""
    left = [told(change) for change in difference(promise, live).changes]
    if found.covered:
        assert not left, found.script(lossy=True)
    gaps = {f"{gap.kind} {gap.name}" for gap in found.gaps}
    assert not [each for each in left if not any(gap in each for gap in gaps)], found.script(lossy=True)


UNCOVERED = {
    "others: extension: member added": "a snapshot leaves out what an extension owns, so it cannot be seen",
}
"""Cases in which the remedy's word cannot hold, and why; docs/drift.md tells of them."""


ON_EACH = [(case, 18) for case in MUTATIONS] + [(case, 15) for case in MUTATIONS[::4]]
"""All of them on the newest version; every fourth one on the oldest as well, for the time that it takes."""


@pytest.mark.parametrize(("case", "major"), ON_EACH, ids=str)
def test_a_mutation_is_taken_back_and_repeated(
    case: Case, major: int, servers: Callable[[int], Server]
) -> None:
    server = servers(major)
    if server.major < case.since:
        pytest.skip(f"PostgreSQL {server.major} does not know it")
    before_sql, mutation = (part or "SELECT 1" for part in case.parts[:2])
    with server.scratch() as connection:
        connection.execute(before_sql.encode())
        before = read_snapshot(connection)
        connection.execute("SAVEPOINT as_before")
        connection.execute(mutation.encode())
        after = read_snapshot(connection)
        if case.title in UNCOVERED:
            return
        back = remedy(after, before, SUPERUSER, server.major)
        assert back
        run(connection, back)
        assert_remedied(read_snapshot(connection), before, back)
        if not back.covered:
            connection.execute("ROLLBACK TO as_before")
        forth = remedy(before, after, SUPERUSER, server.major)
        assert forth
        run(connection, forth)
        assert_remedied(read_snapshot(connection), after, forth)
