"""Runs over a range of partitions, whose order has changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from wish_rollout.defs.code_location import build_definitions
from wish_rollout.defs.fleet.backfills import RANGE, FleetBackfills
from wish_rollout.defs.fleet.partition_list import make_adjacent
from wish_rollout.defs.runs.instance import open_instance

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet

SCHEMAS = dg.AssetKey(["schema", "tenants"])


def test_a_run_that_is_executed_again_changes_the_targets_that_it_had(fleet: Fleet) -> None:
    """Its tags name the first and the last target of the range, between which a rollout has moved another one since."""
    fleet.add("a", "b", "c")
    project = fleet.workspace.project
    tags = {RANGE: "b", "dagster/asset_partition_range_end": "c"}
    with fleet.workspace.as_current_project(), open_instance(project.config) as instance:
        instance.add_dynamic_partitions("tenants_targets", ["a", "b", "c"])
        definitions = build_definitions(project.config)
        job = definitions.resolve_implicit_global_asset_job_def().get_subset(asset_selection={SCHEMAS})
        first = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
        assert not first.success  # the environment before is not migrated
        fleet.workspace.migrate("local")
        make_adjacent(FleetBackfills(instance, project.config, fleet.environment), ["a", "c"])
        assert instance.get_dynamic_partitions("tenants_targets") == ["b", "a", "c"]
        succeeded = []
        for root in (first.run_id, "deleted"):
            again = instance.create_run_for_job(job, tags=tags, parent_run_id=root, root_run_id=root)
            succeeded.append(execute_run(InMemoryJob(job), again, instance, raise_on_error=False).success)

    assert succeeded == [True, False]
    assert fleet.revisions() == {"a": "0006", "b": "0007", "c": "0007"}
