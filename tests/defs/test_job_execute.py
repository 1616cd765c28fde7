"""Dagster's own command line in CI: `dagster job execute` ends with the right exit status."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from tests.fix_project import Road

COMMAND = [
    sys.executable,
    "-m",
    "dagster",
    "job",
    "execute",
    "-m",
    "wish_rollout.definitions",
    "-j",
    "rollout",
]


def test_it_succeeds_at_the_gate(road: Road) -> None:
    result = road.ended(road.process(COMMAND), seconds=120)
    assert result.code == 0, result
    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs()
    assert (run.status, run.tags["wish_rollout/awaiting_approval"]) == (dg.DagsterRunStatus.SUCCESS, "prod")
    assert [road.revision(name) for name in ("local", "staging", "prod")] == ["0007", "0007", None]


def test_it_fails_when_a_step_fails_and_tells_no_password(road: Road) -> None:
    road.sql("prod", "create table wishlist_items (id int)")
    result = road.ended(road.process(COMMAND), seconds=120)
    assert result.code != 0
    assert "In 'prod' there is already what the release would create" in result.out + result.err
    assert road.revision("local") is None
