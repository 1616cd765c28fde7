"""The pipeline with a fleet: apply through a gate to the targets, and what Dagster records of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from tests.fix_fleet import HEAD
from wish_rollout.config import load_config
from wish_rollout.defs.code_location import build_definitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_fleet import Fleet

GATE = """
[[environment]]
name = "prod"
gated = true

[environment.approval]
allowed_signers = "approvers"
four_eyes = false
"""
SCHEMAS = dg.AssetKey(["schema", "tenants"])
DRIFT = "create table by_hand (id integer)"


@pytest.fixture
def instance(fleet: Fleet) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of the fleet's project."""
    with dg.DagsterInstance.get() as instance:
        yield instance


def data_versions(instance: dg.DagsterInstance) -> dict[str, str]:
    """Return the data version of the last materialization of each partition."""
    records = instance.fetch_materializations(SCHEMAS, limit=100).records
    found: dict[str, str] = {}
    for record in records:
        materialization = record.asset_materialization
        assert materialization
        assert materialization.partition
        found.setdefault(materialization.partition, (materialization.tags or {})["dagster/data_version"])
    return found


def job_of() -> dg.JobDefinition:
    """Return the job of the pipeline of the current project."""
    return build_definitions(load_config()).resolve_job_def("rollout")


def test_apply_goes_through_the_gate_to_the_fleet(fleet: Fleet, instance: dg.DagsterInstance) -> None:
    fleet.workspace.add("prod")
    fleet.add("a", "b")
    fleet.workspace.edit(
        "rollout.toml", '\n[[environment]]\nname = "tenants"', f'{GATE}\n[[environment]]\nname = "tenants"'
    )

    waiting = fleet.workspace.cli("apply")

    assert waiting.code == 3, waiting
    assert fleet.revisions() == {"a": "0006", "b": "0006"}
    fleet.workspace.roll_out()
    assert fleet.revisions() == {"a": HEAD, "b": HEAD}
    versions = data_versions(instance)
    assert versions.keys() == {"a", "b"}
    assert len(set(versions.values())) == 1
    done = fleet.workspace.cli("apply")
    assert (done.code, done.out) == (0, f"nothing to do: local, prod, tenants are at {HEAD}, in step\n")


def test_the_single_step_of_a_fleet_does_not_pass_a_gate(fleet: Fleet, instance: dg.DagsterInstance) -> None:
    """As a re-execution of selected steps in the UI: the step of the gate is skipped."""
    fleet.workspace.add("prod")
    fleet.add("a")
    fleet.workspace.edit(
        "rollout.toml", '\n[[environment]]\nname = "tenants"', f'{GATE}\n[[environment]]\nname = "tenants"'
    )
    assert fleet.workspace.cli("apply").code == 3
    (stopped, *_) = instance.get_runs(dg.RunsFilter(job_name="rollout"))
    with fleet.workspace.as_current_project():
        steps = ["rollout_pipeline.roll_out_tenants"]
        options = dg.ReexecutionOptions(parent_run_id=stopped.run_id, step_selection=steps)
        result = dg.execute_job(dg.reconstructable(job_of), instance, reexecution_options=options)
        (failure,) = [event for event in result.all_events if event.is_step_failure]

    assert "EarlierEnvironmentNotInStep" in str(failure.step_failure_data.user_failure_data)
    assert (fleet.workspace.revision("prod"), fleet.revisions()) == (None, {"a": "0006"})


def test_a_failed_target_is_reported_and_apply_continues(fleet: Fleet, instance: dg.DagsterInstance) -> None:
    fleet.add("a", "b", "c")
    fleet.configure("\n[[environment.wave]]\nrest = true\nmax_failures = 1\n")
    fleet.sql("b", DRIFT)

    first = fleet.workspace.cli("apply", "--json")

    document = json.loads(first.out)
    assert first.code == 1
    assert document["error"]["class"] == "FleetIncomplete"
    assert "1 of 3 targets of 'tenants' failed, and 0 were not begun" in document["error"]["text"]
    (stage,) = [each for each in document["environments"] if each["environment"] == "tenants"]
    assert (stage["start"], stage["end"], stage["checks"], stage["failed"]) == ("0006", HEAD, 3, 1)
    assert instance.get_materialized_partitions(SCHEMAS) == {"a", "c"}

    (failed,) = document["failed_targets"]
    assert (failed["targets"], failed["count"], failed["error"]) == (["b"], 1, "SchemaDrifted")
    assert "by_hand" in failed["text"]

    fleet.sql("b", "drop table by_hand")
    assert fleet.workspace.cli("apply").code == 0
    assert {name: len(fleet.acts(name)) for name in "abc"} == {"a": 1, "b": 1, "c": 1}
    assert instance.get_materialized_partitions(SCHEMAS) == {"a", "b", "c"}


def test_the_event_of_a_killed_run_is_recorded_by_the_next_one(
    fleet: Fleet, instance: dg.DagsterInstance
) -> None:
    """The target was changed, and its latest event is an earlier one."""
    fleet.add("a")
    assert fleet.workspace.cli("apply").code == 0
    (version,) = data_versions(instance).values()
    earlier = dg.AssetMaterialization(SCHEMAS, partition="a", tags={"dagster/data_version": "earlier"})
    instance.report_runless_asset_event(earlier)

    assert fleet.workspace.run_job("rollout", {}).success
    assert data_versions(instance) == {"a": version}
    assert fleet.workspace.run_job("rollout", {}).success
    assert len(instance.fetch_materializations(SCHEMAS, limit=100).records) == 3


def test_a_target_that_was_rolled_back_has_not_the_version_of_the_release(
    fleet: Fleet, instance: dg.DagsterInstance
) -> None:
    fleet.add("a")
    digest = fleet.workspace.project.release_digest

    assert fleet.workspace.cli("apply").code == 0
    assert code_versions(instance) == [digest]
    assert fleet.workspace.cli("rollback", "tenants", "--target", "a", "--to", "0006").code == 0
    assert code_versions(instance) == ["0006", digest]


def code_versions(instance: dg.DagsterInstance) -> list[str]:
    """Return the code versions of all materializations, the latest first."""
    records = instance.fetch_materializations(SCHEMAS, limit=100).records
    events = [record.asset_materialization for record in records]
    return [(event.tags or {})["dagster/code_version"] for event in events if event]


def test_partitions_can_be_materialized_when_the_environments_before_are_in_step(
    fleet: Fleet, instance: dg.DagsterInstance
) -> None:
    fleet.add("a", "b", "c")
    assert not materialize(fleet, instance, "a", "b")
    assert fleet.revisions() == {"a": "0006", "b": "0006", "c": "0006"}

    fleet.workspace.migrate("local")

    assert materialize(fleet, instance, "a", "b")
    assert fleet.revisions() == {"a": HEAD, "b": HEAD, "c": "0006"}
    assert instance.get_materialized_partitions(SCHEMAS) == {"a", "b"}


def materialize(fleet: Fleet, instance: dg.DagsterInstance, first: str, last: str) -> bool:
    """Run the asset for a range of partitions, as a backfill does; return whether the run has succeeded."""
    with fleet.workspace.as_current_project():
        instance.add_dynamic_partitions("tenants_targets", list(fleet.databases))
        definitions = build_definitions(fleet.workspace.project.config)
        job = definitions.resolve_implicit_global_asset_job_def()
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        run = job.execute_in_process(
            instance=instance, asset_selection=[SCHEMAS], tags=tags, raise_on_error=False
        )
    return run.success


def test_the_sensor_reports_targets_that_came_and_went(fleet: Fleet, instance: dg.DagsterInstance) -> None:
    fleet.add("a", "b")
    definitions = build_definitions(fleet.workspace.project.config)
    sensor, repository = (
        definitions.resolve_sensor_def("targets_of_tenants"),
        definitions.get_repository_def(),
    )
    instance.add_dynamic_partitions("tenants_targets", ["b", "gone"])

    with dg.build_sensor_context(instance=instance, repository_def=repository) as context:
        result = sensor.evaluate_tick(context)

    assert [
        (type(each).__name__, each.partition_keys) for each in result.dynamic_partitions_requests or []
    ] == [
        ("AddDynamicPartitionsRequest", ["a"]),
        ("DeleteDynamicPartitionsRequest", ["gone"]),
    ]
    assert [event.description for event in result.asset_events] == ["1 came: a; 1 went: gone"]
