"""Tags of runs that name a wave: they are claims, which lead past no gate and no limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from tests.defs.fleet.conftest import REST
from wish_rollout.defs.code_location import build_definitions
from wish_rollout.defs.fleet.backfills import BACKFILL, FleetBackfills, new_identifier
from wish_rollout.defs.fleet.wave_of_run import MOST_FAILURES, OPEN_WAVE, WAVE_RELEASE
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.defs.runs.run_tags import ROLLOUT, WAVE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.defs.fleet.conftest import GatedFleet
    from tests.fix_fleet import Fleet

CANARY = '\n[[environment.wave]]\nname = "canary"\nmatch = "canary-*"\ngate = false\n'
SCHEMAS = dg.AssetKey(["schema", "tenants"])


def run_of_wave(
    fleet: Fleet, first: str, last: str, tags: Mapping[str, str], *, is_open: bool = True
) -> bool:
    """Execute a run of a backfill of some targets with tags of a wave; return whether it succeeded.

    ``is_open``: whether its backfill may begin targets, by the tag of the run that claims to have launched it.
    """
    project, identifier = fleet.workspace.project, new_identifier()
    with fleet.workspace.as_current_project(), open_instance(project.config) as instance:
        names = list(fleet.databases)
        instance.add_dynamic_partitions("tenants_targets", names)
        FleetBackfills(instance, project.config, fleet.environment).request(identifier, names, {}, "title")
        definitions = build_definitions(project.config)
        rollout = instance.create_run_for_job(definitions.resolve_job_def("rollout"))
        instance.add_run_tags(rollout.run_id, {OPEN_WAVE: f"{identifier if is_open else 'another'} 1"})
        wave = {
            BACKFILL: identifier,
            ROLLOUT: rollout.run_id,
            WAVE_RELEASE: project.release_digest,
            MOST_FAILURES: "0",
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last,
        }
        job = definitions.resolve_implicit_global_asset_job_def()
        run = job.execute_in_process(
            instance=instance, asset_selection=[SCHEMAS], tags={**wave, **tags}, raise_on_error=False
        )
    return run.success


def test_the_name_of_a_wave_without_a_gate_leads_past_no_gate(gated: GatedFleet) -> None:
    gated.fleet.configure(CANARY + REST)
    gated.fleet.add("a", "canary-1")
    gated.fleet.workspace.migrate("local")

    assert run_of_wave(gated.fleet, "a", "canary-1", {WAVE: "canary"})

    revisions = gated.fleet.revisions()
    assert revisions["a"] == "0006"
    assert revisions["canary-1"] != "0006"


def test_a_run_of_a_wave_that_is_not_open_or_of_another_release_changes_nothing(fleet: Fleet) -> None:
    fleet.add("a")
    fleet.workspace.migrate("local")

    assert not run_of_wave(fleet, "a", "a", {WAVE: "all"}, is_open=False)
    assert not run_of_wave(fleet, "a", "a", {WAVE: "all", WAVE_RELEASE: "another"})
    assert fleet.revisions() == {"a": "0006"}
