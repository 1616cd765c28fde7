"""Every way to change a schema is found, by its kind and name, and nothing else with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.postgres.cases import Case, read_cases, told
from tests.postgres.conftest import MAJORS
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.postgres.catalog.change_token import change_token
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.postgres.conftest import Server

MUTATIONS = read_cases("mutations")


@pytest.mark.parametrize("case", MUTATIONS, ids=str)
def test_a_mutation_is_found_and_nothing_else(case: Case, servers: Callable[[int], Server]) -> None:
    known = [major for major in MAJORS if major >= case.since]
    found = [mutated(servers(major), case) for major in dict.fromkeys((known[0], known[-1]))]
    for snapshot in found:  # the same script is the same schema on every version
        assert [told(change) for change in difference(found[0], snapshot).changes] == []
        assert snapshot.fingerprint == found[0].fingerprint


def mutated(server: Server, case: Case) -> Snapshot:
    """Check a case on one server, and give the snapshot after it."""
    before_sql, mutation, expected = case.parts
    with server.scratch() as connection:
        connection.execute(before_sql or "SELECT 1")
        before, token = read_snapshot(connection), change_token(connection)
        connection.execute(mutation)
        then, later = read_snapshot(connection), change_token(connection)
    delta = difference(before, then)
    assert sorted(told(change) for change in delta.changes) == sorted(expected.splitlines()), server.major
    assert later != token
    assert delta.apply(before) == then
    assert difference(then, before) == delta.inverse()
    assert delta.inverse().apply(then) == before
    assert Snapshot.from_json(then.to_json()) == then
    assert Delta.from_json(delta.to_json()) == delta
    return then
