"""A real Dagster daemon that is killed: an approved plan is executed exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import dagster as dg

from tests.fix_project import REPOSITORY
from tests.gate.test_resume_sensor import keys, tick
from wish_rollout.defs.gate.approval_events import approval_event
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.sandbox.ports import choose_free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.gate.conftest import Gate

SECONDS = 120
SENSOR = "resume_on_approval"
LOCATION = """
from wish_rollout.defs.resume import sensor
sensor.SECONDS_BETWEEN_TICKS = 1
from wish_rollout.definitions import defs
"""
WORKSPACE = "load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {port}, location_name: wish_rollout}}\n"
QUEUE = "concurrency:\n  runs:\n    max_concurrent_runs: 4\n"
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
UNDERWAY = (dg.DagsterRunStatus.STARTED, *ENDED)
QUICK_QUEUE = """run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: {dequeue_interval_seconds: 1}
"""


def until(holds: Callable[[], bool], what: str, *processes: subprocess.Popen[bytes]) -> None:
    """Poll until a condition is true; fail after a timeout or if a required process has ended."""
    end = time.monotonic() + SECONDS
    while not holds():
        assert [process.poll() for process in processes] == [None] * len(processes), f"ended before {what}"
        assert time.monotonic() < end, f"not within {SECONDS} s: {what}"
        time.sleep(0.05)


@contextmanager
def running(root: Path, name: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Dagster program in the project folder while the block runs."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with (root / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=root,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(SECONDS)


def daemon(gate: Gate) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run dagster-daemon."""
    return running(gate.workspace.root, "daemon", "dagster._daemon", "run", "-w", "grpc.yaml")


def runs(instance: dg.DagsterInstance, nonce: str) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": f"approval:{nonce}"})))


def status(instance: dg.DagsterInstance, nonce: str) -> dg.DagsterRunStatus:
    (run,) = runs(instance, nonce)
    return run.status


def ticks(instance: dg.DagsterInstance) -> int:
    states = [state for state in instance.all_instigator_state() if state.name == SENSOR]
    return sum(len(instance.get_ticks(state.instigator_origin_id, state.selector_id)) for state in states)


def test_killed_daemon_migrates_prod_once(gate: Gate) -> None:
    root, port = gate.workspace.root, choose_free_port()
    (root / "location.py").write_text(LOCATION)
    (root / "grpc.yaml").write_text(WORKSPACE.format(port=port))
    gate.workspace.edit("dagster.yaml", QUEUE, QUICK_QUEUE)
    server = ("dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(port), "-f", "location.py")
    with running(root, "server", *server, "--location-name", "wish_rollout") as code, daemon(gate) as first:
        request = gate.ask()
        document = gate.document(request)
        with open_instance(gate.workspace.project.config) as instance:
            until(lambda: ticks(instance) > 0, "a tick", code, first)
            assert runs(instance, request.nonce) == []
            instance.report_runless_asset_event(approval_event(document))
            kill(first)
            with daemon(gate) as second:
                until(lambda: runs(instance, request.nonce) != [], "the run is asked for", code, second)
                kill(second)
            with daemon(gate) as third:
                until(lambda: status(instance, request.nonce) in UNDERWAY, "the run is underway", code, third)
                kill(third)
            seen = ticks(instance)
            with daemon(gate) as fourth:
                until(lambda: status(instance, request.nonce) in ENDED, "the run ends", code, fourth)
                until(lambda: ticks(instance) > seen, "another tick", code, fourth)
            (run,) = runs(instance, request.nonce)
            assert run.is_success, (root / "daemon.log").read_text()[-3000:]
    assert gate.workspace.revision("prod") == "0007"
    assert gate.ledger("act, nonce, run") == [("upgrade", request.nonce, run.run_id)]
    assert keys(tick(gate)) == []
