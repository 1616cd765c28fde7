"""Worker processes of a fleet that end, or whose children do not."""

from __future__ import annotations

import os
import subprocess
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from wish_rollout.core.errors.fleets.rollouts import FleetWorkerFailed
from wish_rollout.rollout.fleet import worker_process
from wish_rollout.rollout.fleet.worker_pool import WorkerPool
from wish_rollout.rollout.fleet.worker_process import WorkerProcess

if TYPE_CHECKING:
    from pathlib import Path


def test_a_child_that_keeps_the_output_does_not_hide_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    # the child in the background waits for a writer of the gate
    script = f"read setting; cat < {gate} & kill -KILL $$"
    monkeypatch.setattr(worker_process, "COMMAND", ["sh", "-c", script])
    project: Any = SimpleNamespace(release_digest="", config=SimpleNamespace(path=tmp_path / "rollout.toml"))
    target: Any = SimpleNamespace(name="a", url="")
    late = threading.Event()

    def end_children() -> None:
        late.set()
        os.close(os.open(gate, os.O_RDWR))

    timer = threading.Timer(20, end_children)
    timer.start()
    try:
        with (
            pytest.raises(FleetWorkerFailed, match="it was ended by SIGKILL") as caught,
            WorkerPool(project, "tenants") as pool,
        ):
            list(pool.perform({}, lambda: target, 1))
        assert not late.is_set()
        assert "What it had committed is kept" in str(caught.value)
    finally:
        timer.cancel()
        end_children()


def test_a_process_that_closes_its_output_and_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "END_SECONDS", 0.1)
    process = subprocess.Popen(["sleep", "600"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert WorkerProcess(process).describe_end() == "it closed its output"
        assert process.poll() is not None
    finally:
        process.kill()
        process.communicate()
