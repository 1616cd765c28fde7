"""A target whose server refuses a query in a way that no error of this project describes: the others are not affected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from wish_rollout.rollout.fleet.drift_pass import DriftPass
from wish_rollout.rollout.fleet.server_connections import TO_READ, Demand, share_connections
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet


@pytest.fixture
def refusing(fleet: Fleet) -> Fleet:
    """A fleet of two targets; in ``a``, a function that the queries call may not be called."""
    fleet.add("a", "b")
    url = fleet.workspace.server.url(fleet.databases["a"], ADMIN)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("revoke execute on function pg_postmaster_start_time() from public")
    return fleet


def test_a_pass_reads_the_other_targets_too(refusing: Fleet) -> None:
    drift = DriftPass(refusing.workspace.project, refusing.environment)

    assert drift.read(refusing.targets, 60) == 2

    assert drift.states["b"].verdict == "behind"
    assert (drift.states["a"].silent, drift.states["a"].verdict) == (1, "unreachable")


def test_the_connections_of_a_server_are_read_in_another_target(refusing: Fleet) -> None:
    demand = Demand(refusing.environment, 2, TO_READ, lambda _: None)

    found = share_connections(refusing.workspace.project, refusing.targets, demand)

    assert found.servers.keys() == {"a", "b"}
