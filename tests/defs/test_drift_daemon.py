"""A real Dagster daemon: the same drift is found, shown and resolved twice."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES

from tests.defs.test_asset_states import INDEX
from tests.gate.test_daemon import QUEUE, QUICK_QUEUE, WORKSPACE, running, until
from wish_rollout.defs.drift.events import read_recorded_finding
from wish_rollout.defs.drift.sensor import EPISODE_TAG
from wish_rollout.sandbox.ports import choose_free_port

if TYPE_CHECKING:
    from tests.fix_project import Workspace

KEY = dg.AssetKey(["schema", "local"])
UNFINISHED = dg.RunsFilter(statuses=list(NOT_FINISHED_STATUSES))
LOCATION = """
from wish_rollout.defs.drift import sensor
sensor.SECONDS_BETWEEN_TICKS = 1
from wish_rollout.definitions import defs
"""


def test_daemon_reports_the_same_drift_twice(workspace: Workspace, instance: dg.DagsterInstance) -> None:
    root, port = workspace.root, choose_free_port()
    workspace.migrate("local")
    workspace.edit("dagster.yaml", QUEUE, QUICK_QUEUE)
    (root / "location.py").write_text(LOCATION)
    (root / "grpc.yaml").write_text(WORKSPACE.format(port=port))
    server = ("dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(port), "-f", "location.py")
    with ExitStack() as stack:
        code = stack.enter_context(running(root, "server", *server, "--location-name", "wish_rollout"))
        daemon = stack.enter_context(running(root, "daemon", "dagster._daemon", "run", "-w", "grpc.yaml"))
        for _ in range(2):
            workspace.sql("local", INDEX)
            until(lambda: bool(read_recorded_finding(instance, KEY)), "the check is red", code, daemon)
            workspace.sql("local", "drop index by_hand")
            until(lambda: read_recorded_finding(instance, KEY) == "", "the check is green", code, daemon)
        until(lambda: not instance.get_runs(UNFINISHED), "the runs end", code, daemon)
    results: dict[str, list[bool]] = {}
    for run in instance.get_runs(dg.RunsFilter(job_name="drift_check"), ascending=True):
        results.setdefault(run.tags[EPISODE_TAG], []).append(run.is_success)
    # roles that other tests make change the state token, so that a tick may request one more run before one has recorded
    assert [(each[0], each[-1]) for each in results.values()] == [(False, True)] * 2
