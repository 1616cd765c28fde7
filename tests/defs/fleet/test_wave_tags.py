"""Tags of runs that name a wave: they are claims, which lead past no gate and no limit."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from tests.defs.fleet.conftest import REST
from wish_rollout.defs.code_location import build_definitions
from wish_rollout.defs.fleet import wave_of_run
from wish_rollout.defs.fleet.backfills import BACKFILL, FleetBackfills, new_identifier
from wish_rollout.defs.fleet.wave_of_run import MOST_FAILURES, OPEN_WAVE, WAVE_RELEASE
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.defs.runs.run_tags import ROLLOUT, WAVE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest

    from tests.defs.fleet.conftest import GatedFleet
    from tests.fix_fleet import Fleet

CANARY = '\n[[environment.wave]]\nname = "canary"\nmatch = "canary-*"\ngate = false\n'
SCHEMAS = dg.AssetKey(["schema", "tenants"])


def run_of_wave(
    fleet: Fleet,
    first: str,
    last: str,
    tags: Mapping[str, str],
    *,
    is_open: bool = True,
    is_alive: bool = True,
) -> bool:
    """Execute a run of a backfill of some targets with tags of a wave; return whether it succeeded.

    ``is_open``: whether its backfill may begin targets, by the tag of the run that claims to have launched it. ``is_alive``:
    whether this tag changes again and again.
    """
    project, identifier = fleet.workspace.project, new_identifier()
    with fleet.workspace.as_current_project(), open_instance(project.config) as instance:
        names = list(fleet.databases)
        instance.add_dynamic_partitions("tenants_targets", names)
        FleetBackfills(instance, project.config, fleet.environment).request(identifier, names, {}, "title")
        definitions = build_definitions(project.config)
        rollout = instance.create_run_for_job(definitions.resolve_job_def("rollout"))
        value = identifier if is_open else "another"
        instance.add_run_tags(rollout.run_id, {OPEN_WAVE: f"{value} 0"})
        wave = {
            BACKFILL: identifier,
            ROLLOUT: rollout.run_id,
            WAVE_RELEASE: project.release_digest,
            MOST_FAILURES: "0",
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last,
        }
        job = definitions.resolve_implicit_global_asset_job_def()
        with signs_of_life(instance, rollout.run_id, value if is_alive else ""):
            run = job.execute_in_process(
                instance=instance, asset_selection=[SCHEMAS], tags={**wave, **tags}, raise_on_error=False
            )
    return run.success


@contextmanager
def signs_of_life(instance: dg.DagsterInstance, run: str, value: str) -> Iterator[None]:
    """Change the tag of a run again and again while the block runs, as the step of a rollout does, unless ``value`` is empty."""
    is_over = threading.Event()

    def change() -> None:
        number = 1
        while value and not is_over.wait(0.2):
            instance.add_run_tags(run, {OPEN_WAVE: f"{value} {number}"})
            number += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


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


def test_a_run_that_begins_after_its_rollout_was_killed_changes_nothing(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tag of the rollout still names the backfill: it does not say when it was written."""
    monkeypatch.setattr(wave_of_run, "STEP_SILENT_SECONDS", 1)
    fleet.add("a")
    fleet.workspace.migrate("local")

    assert not run_of_wave(fleet, "a", "a", {WAVE: "all"}, is_alive=False)
    assert fleet.revisions() == {"a": "0006"}
