"""The results of targets as the step of a rollout reads them from the events of its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import pytest

from tests.fix_fleet import HEAD
from wish_rollout.core.errors.fleets.rollouts import FleetIncomplete
from wish_rollout.core.fleet.results import Outcome, TargetError, TargetResult
from wish_rollout.defs.fleet.events import refuse_incomplete, target_event
from wish_rollout.defs.fleet.target_events import TargetEvents

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet


def test_a_run_that_is_executed_again_replaces_no_result_by_not_begun_or_unchanged(fleet: Fleet) -> None:
    """Otherwise the failures that have stopped a wave would not count any more, and the wave would continue."""
    failed = TargetResult(
        "a", Outcome.FAILED, "rest", error=TargetError("SchemaDrifted", "it has drifted", "see it")
    )
    done = TargetResult("b", Outcome.DONE, "rest", "0006", HEAD, "upgrade", "f", 1.5, since=0)
    again = TargetResult("b", Outcome.UNCHANGED, "rest", HEAD, HEAD, "nothing", "f", 0.5)
    begun = TargetResult("c", Outcome.DONE, "rest", "0006", HEAD, "upgrade", "f", 1.5, since=0)
    order = [TargetResult("c", Outcome.NOT_BEGUN, "rest"), failed, done, again, begun]
    with dg.DagsterInstance.ephemeral() as instance:
        events = TargetEvents.from_now(instance, dg.AssetKey(["schema", "tenants"]))
        for each in [*order, *(TargetResult(name, Outcome.NOT_BEGUN, "rest") for name in "abcd")]:
            instance.report_runless_asset_event(
                target_event(fleet.workspace.project, fleet.environment, each, {})
            )
            events.read({""})

    assert events.results == {
        "a": failed,
        "b": done,
        "c": begun,
        "d": TargetResult("d", Outcome.NOT_BEGUN, "rest"),
    }


def test_a_rollout_that_has_ended_without_a_failure_says_why(fleet: Fleet) -> None:
    results = [TargetResult("a", Outcome.NOT_BEGUN, "rest")]
    with pytest.raises(FleetIncomplete, match="first error: none, because the approval was rejected"):
        refuse_incomplete(fleet.environment, results)
