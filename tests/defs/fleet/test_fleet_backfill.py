"""A backfill of a fleet's partitions by Dagster's daemon: runs of some targets each, in processes of the run launcher."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from tests.fix_fleet import HEAD
from tests.gate.test_daemon import QUEUE, QUICK_QUEUE, WORKSPACE, running, until
from wish_rollout.defs.code_location import build_definitions
from wish_rollout.sandbox.ports import choose_free_port

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet

LOCATION = """
from wish_rollout.defs.fleet import assets
assets.TARGETS_IN_RUN = 2
from wish_rollout.definitions import defs
"""
SCHEMAS = dg.AssetKey(["schema", "tenants"])
BACKFILL = "fleet01"
ENDED = (BulkActionStatus.COMPLETED_SUCCESS, BulkActionStatus.COMPLETED_FAILED, BulkActionStatus.FAILED)


def request_backfill(fleet: Fleet, instance: dg.DagsterInstance, names: list[str]) -> None:
    """Request a backfill of some targets, as Dagster's UI does."""
    with fleet.workspace.as_current_project():
        graph = build_definitions(fleet.workspace.project.config).get_repository_def().asset_graph
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id=BACKFILL,
        asset_graph=graph,
        partition_names=names,
        asset_selection=[SCHEMAS],
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    instance.add_backfill(backfill)


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`")  # Dagster itself calls it
def test_a_backfill_migrates_its_targets_in_several_runs(fleet: Fleet) -> None:
    names = ["a", "b", "c", "d"]
    fleet.add(*names, "e")
    fleet.workspace.migrate("local")
    root, port = fleet.root, choose_free_port()
    (root / "location.py").write_text(LOCATION)
    (root / "grpc.yaml").write_text(WORKSPACE.format(port=port))
    fleet.workspace.edit("dagster.yaml", QUEUE, QUICK_QUEUE)
    server = ("dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(port), "-f", "location.py")
    with (
        dg.DagsterInstance.get() as instance,
        running(root, "server", *server, "--location-name", "wish_rollout") as code,
    ):
        instance.add_dynamic_partitions("tenants_targets", [*names, "e"])
        until(lambda: accepts_connections(port), "the code server listens", code)
        with running(root, "daemon", "dagster._daemon", "run", "-w", "grpc.yaml") as daemon:
            request_backfill(fleet, instance, names)
            until(lambda: status(instance) in ENDED, "the backfill ends", code, daemon)
        runs = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": BACKFILL}))

        log = (root / "daemon.log").read_text()[-3000:]
        assert status(instance) is BulkActionStatus.COMPLETED_SUCCESS, log
        assert [run.status for run in runs] == [dg.DagsterRunStatus.SUCCESS] * 2, log
        assert instance.get_materialized_partitions(SCHEMAS) == set(names)
    assert fleet.revisions() == {**dict.fromkeys(names, HEAD), "e": "0006"}


def accepts_connections(port: int) -> bool:
    """Return whether a server listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def status(instance: dg.DagsterInstance) -> BulkActionStatus:
    """Return the status of the backfill."""
    backfill = instance.get_backfill(BACKFILL)
    assert backfill
    return backfill.status
