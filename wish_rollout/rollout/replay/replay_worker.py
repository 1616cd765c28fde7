"""A process that replays a part of the revisions.

The first line of its standard input is a JSON object with the fields of ``Order``. It writes a pickled ``Result``.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import signal
import sys
from pathlib import Path

from wish_rollout.rollout.release.release_source import ReleaseSource, replay_cache
from wish_rollout.rollout.replay.replay import replay
from wish_rollout.rollout.replay.replay_process import Order, Result
from wish_rollout.rollout.replay.replay_report import Report

THRESHOLDS = 50_000, 20, 20
"""Thresholds of the garbage collector: imports create hundreds of thousands of permanent objects."""


def perform(order: Order) -> Result | None:
    """Replay the revisions; None if the scripts or the configuration are others than those of the order."""
    project = ReleaseSource.load(Path(order.config))
    if replay_cache(project).name != order.release:
        return None
    failures: list[str] = []
    report = Report(behaviour=failures if order.verify else None)
    recorded = replay(project, order.before, order.last, report)
    return Result(recorded, project.measurements.replayed, failures, project.scripts.trace.used())


def main() -> int:
    """Read the order, and write the result; return the exit code."""
    # whatever scripts print must not be read as the result, and they must not wait for input
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    gc.set_threshold(*THRESHOLDS)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where the caller ignores it
    order = json.loads(sys.stdin.buffer.readline())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    result = perform(Order(**{**order, "before": tuple(order["before"]), "last": tuple(order["last"])}))
    if result is None:
        return 1
    with output:
        pickle.dump(result, output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
