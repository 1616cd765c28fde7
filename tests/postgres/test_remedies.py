"""Every mutation is taken back, and repeated, by the remedy; or the remedy says that it does not cover it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.postgres.cases import Case, read_cases, told
from wish_rollout.core.delta import difference
from wish_rollout.core.remedy import Remedy, Roles, remedy
from wish_rollout.postgres.reader import read_snapshot

if TYPE_CHECKING:
    from tests.postgres.conftest import Server
    from wish_rollout.core.snapshot import Snapshot

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


@pytest.mark.parametrize("direction", ["back", "forth"])
@pytest.mark.parametrize("case", MUTATIONS, ids=str)
def test_a_mutation_is_remedied(case: Case, direction: str, server: Server) -> None:
    if server.major < case.since:
        pytest.skip(f"PostgreSQL {server.major} does not know it")
    before_sql, mutation = (part or "SELECT 1" for part in case.parts[:2])
    with psycopg.connect(server.url()) as connection:
        connection.execute(before_sql.encode())
        before = read_snapshot(connection)
        connection.execute(mutation.encode())
        after = read_snapshot(connection)
        live, promise = (after, before) if direction == "back" else (before, after)
        if direction == "forth":
            connection.rollback()
            connection.execute(before_sql.encode())
        found = remedy(live, promise, SUPERUSER, server.major)
        assert found
        run(connection, found)
        assert_remedied(read_snapshot(connection), promise, found)
        connection.rollback()
