"""Waves that are to be backfills, where no daemon launches their runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus
from dagster._daemon.types import DaemonHeartbeat

from tests.fix_fleet import HEAD
from tests.gate.test_daemon import until
from wish_rollout.core.errors.fleets.backfills import BackfillsNotSupported
from wish_rollout.core.fleet.results import Outcome, TargetError, TargetResult
from wish_rollout.defs.code_location import build_definitions
from wish_rollout.defs.fleet import launched_wave
from wish_rollout.defs.fleet.backfills import FleetBackfills, dagsters_functions
from wish_rollout.defs.fleet.events import result_of_event, target_event
from wish_rollout.defs.fleet.partition_list import make_adjacent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_fleet import Fleet

OPTION = "targets_per_run = 2\n"


@pytest.fixture
def instance(fleet: Fleet) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of the fleet's project."""
    with dg.DagsterInstance.get() as instance:
        yield instance


def give_heartbeats(instance: dg.DagsterInstance, timestamp: float) -> None:
    """Record signs of life, as a daemon does that is killed at once."""
    for name in ("BACKFILL", "QUEUED_RUN_COORDINATOR"):
        instance.add_daemon_heartbeat(DaemonHeartbeat(timestamp, name, None, []))


def backfills_of(fleet: Fleet, instance: dg.DagsterInstance) -> FleetBackfills:
    """Return the backfills of the fleet."""
    return FleetBackfills(instance, fleet.workspace.project.config, fleet.environment)


def test_without_a_daemon_the_rollout_changes_all_targets_itself(
    fleet: Fleet, instance: dg.DagsterInstance
) -> None:
    fleet.add("a", "b", "c")
    fleet.configure(OPTION)
    give_heartbeats(instance, time.time() - 600)

    result = fleet.workspace.cli("apply")

    assert result.code == 0, result
    assert result.err.count("launches no backfills, because Dagster's daemon does not run") == 1
    assert set(fleet.revisions().values()) == {HEAD}
    assert instance.get_backfills() == []


def test_a_limit_that_permits_no_other_run_is_named(fleet: Fleet, instance: dg.DagsterInstance) -> None:
    fleet.add("a")
    fleet.configure(OPTION)
    give_heartbeats(instance, time.time())
    fleet.workspace.edit("dagster.yaml", "max_concurrent_runs: 4", "max_concurrent_runs: 1")

    result = fleet.workspace.cli("apply")

    assert result.code == 0, result
    assert "max_concurrent_runs = 1 in dagster.yaml permits no run besides this one" in result.err
    assert instance.get_backfills() == []


def test_a_backfill_that_nobody_launches_is_not_waited_for(
    fleet: Fleet, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.add("a", "b", "c")
    fleet.configure(OPTION)
    give_heartbeats(instance, time.time())
    monkeypatch.setattr(launched_wave, "SILENT_SECONDS", 0)

    result = fleet.workspace.cli("apply")

    assert result.code == 0, result
    assert "Dagster's daemon has launched no run of it" in result.err
    assert {name: len(fleet.acts(name)) for name in "abc"} == {"a": 1, "b": 1, "c": 1}
    (found,) = backfills_of(fleet, instance).unfinished()
    assert found.targets == {"a", "b", "c"}


def test_a_canceled_backfill_ends_the_rollout(fleet: Fleet, instance: dg.DagsterInstance) -> None:
    fleet.add("a")
    fleet.configure(OPTION)
    give_heartbeats(instance, time.time())
    process = fleet.workspace.start("apply", "--json")
    until(lambda: bool(instance.get_backfills()), "the backfill is requested")
    (backfill,) = instance.get_backfills()

    instance.update_backfill(backfill._replace(status=BulkActionStatus.CANCELED))
    result = fleet.workspace.wait_for(process)

    assert result.code == 1, result
    assert '"class": "WaveBackfillEnded"' in result.out
    assert "of wave all of 'tenants' is canceled" in result.out
    assert fleet.revisions() == {"a": "0006"}


def test_partitions_of_an_unfinished_backfill_are_neither_moved_nor_removed(
    fleet: Fleet, instance: dg.DagsterInstance
) -> None:
    fleet.add("a", "b", "c")
    name, names = "tenants_targets", ["a", "gone", "b", "c"]
    instance.add_dynamic_partitions(name, names)
    backfills = backfills_of(fleet, instance)

    make_adjacent(backfills, ["a", "b"])
    assert instance.get_dynamic_partitions(name) == ["gone", "c", "a", "b"]

    backfills.request("abcdefgh", ["gone", "a"], {}, "title")
    make_adjacent(backfills, ["a", "c"])
    assert instance.get_dynamic_partitions(name) == ["gone", "c", "a", "b"]
    definitions = build_definitions(fleet.workspace.project.config)
    sensor, repository = (
        definitions.resolve_sensor_def("targets_of_tenants"),
        definitions.get_repository_def(),
    )
    with dg.build_sensor_context(instance=instance, repository_def=repository) as context:
        assert sensor.evaluate_tick(context).dynamic_partitions_requests == []


def test_a_missing_function_of_dagster_is_one_clear_error(fleet: Fleet) -> None:
    with (
        pytest.raises(BackfillsNotSupported, match="has no attribute 'submit'"),
        dagsters_functions(fleet.environment),
    ):
        dg.submit  # noqa: B018


def test_the_result_of_a_target_is_read_from_its_event(fleet: Fleet) -> None:
    project, env = fleet.workspace.project, fleet.environment
    error = TargetError("SchemaDrifted", "it has drifted", "see it")
    done = TargetResult("a", Outcome.DONE, "rest", "0006", HEAD, "upgrade", "f", 1.5, since=0, attempts=2)
    results = [
        done,
        TargetResult("a", Outcome.UNCHANGED, "rest", HEAD, HEAD, "nothing", "f", 0.5),
        TargetResult("a", Outcome.FAILED, "rest", error=error),
        TargetResult("a", Outcome.NOT_BEGUN, "rest"),
    ]
    assert [result_of_event(target_event(project, env, each, {})) for each in results] == results
