"""Every kind of schema change is found with its kind and name, and no other change is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.postgres.cases import Case, format_change, read_cases
from tests.postgres.conftest import MAJORS
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot
from wish_rollout.postgres.changes.change_token import change_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postgres.conftest import Server

MUTATIONS = read_cases("mutations")


@pytest.mark.parametrize("case", MUTATIONS, ids=str)
def test_a_mutation_is_found_and_nothing_else(case: Case, servers: Callable[[int], Server]) -> None:
    supported = [major for major in MAJORS if major >= case.since]
    found = [check_mutation(servers(major), case) for major in dict.fromkeys((supported[0], supported[-1]))]
    for snapshot in found:  # the same script creates an equal schema on every version
        assert [format_change(change) for change in difference(found[0], snapshot).changes] == []
        assert snapshot.fingerprint == found[0].fingerprint


def check_mutation(server: Server, case: Case) -> Snapshot:
    """Check a case on one server; return the snapshot after the mutation."""
    before_sql, mutation, expected = case.parts
    with server.scratch() as connection:
        connection.execute(before_sql or "SELECT 1")
        before, token = read_snapshot(connection), change_token(connection)
        connection.execute(mutation)
        after, token_after = read_snapshot(connection), change_token(connection)
    delta = difference(before, after)
    assert sorted(format_change(change) for change in delta.changes) == sorted(expected.splitlines()), (
        server.major
    )
    assert token_after != token
    assert delta.apply(before) == after
    assert difference(after, before) == delta.inverse()
    assert delta.inverse().apply(after) == before
    assert Snapshot.from_json(after.to_json()) == after
    assert Delta.from_json(delta.to_json()) == delta
    return after
