"""The part of Dagster's daemon that evaluates sensors, one round for each line on stdin.

A round is ``execute_sensor_iteration``, as ``dagster-daemon run`` calls it, without the waiting between two ticks of a
sensor. It prints a JSON object: of each sensor, the seconds of its tick, as Dagster records them, the seconds between
two of its ticks, and its identification in the table of ticks.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import dagster as dg
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon import sensor


def main() -> None:
    """Evaluate all sensors of a workspace file. The argument: its path."""
    sensor.is_under_min_interval = lambda *_: False
    logger = logging.getLogger("ticks")
    target = WorkspaceFileTarget([str(Path(sys.argv[1]).resolve())])
    with dg.DagsterInstance.get() as instance, WorkspaceProcessContext(instance, target) as context:
        for _ in sys.stdin:
            list(sensor.execute_sensor_iteration(context, logger, None, None))
            sys.stdout.write(json.dumps(newest_ticks(instance)) + "\n")
            sys.stdout.flush()


def newest_ticks(instance: dg.DagsterInstance) -> dict[str, tuple[float, int, str]]:
    """Return the last tick of each sensor; raise unless each was skipped."""
    found = {}
    for state in instance.all_instigator_state():
        (tick,) = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        if tick.status is not TickStatus.SKIPPED or tick.end_timestamp is None:
            raise ValueError(f"{state.name}: {tick.status} {tick.tick_data.error}")
        interval = state.instigator_data.min_interval  # type: ignore[union-attr]
        found[state.name] = tick.end_timestamp - tick.timestamp, interval or 30, state.selector_id
    return found


if __name__ == "__main__":
    main()
