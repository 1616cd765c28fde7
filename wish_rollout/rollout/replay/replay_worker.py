"""A process that replays a part of the revisions.

The first line of its standard input is a JSON object with the fields of ``Order``. It writes a pickled ``Result``.
"""

from __future__ import annotations

import json
import pickle
import signal
import sys
from pathlib import Path

from wish_rollout.rollout.release.release_source import ReleaseSource, replay_cache
from wish_rollout.rollout.replay.replay import replay
from wish_rollout.rollout.replay.replay_process import Order, Result
from wish_rollout.rollout.replay.replay_report import Report
from wish_rollout.rollout.worker_streams import take_streams


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
    orders, output = take_streams()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where the caller ignores it
    order = json.loads(orders.readline())
    result = perform(Order(**{**order, "before": tuple(order["before"]), "last": tuple(order["last"])}))
    if result is None:
        return 1
    with output:
        pickle.dump(result, output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
