"""The part of Dagster's daemon that evaluates sensors: some rounds for each line on stdin, which names sensors.

A line is a number of rounds and the beginning of the names of sensors. A round is ``execute_sensor_iteration``, as
``dagster-daemon run`` calls it, without the waiting between two ticks of a sensor. It prints a JSON object: for each
sensor, the seconds of each tick as Dagster records them, the seconds between two of its ticks, and its identification
in the table of ticks; and the processor time of this process.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon import sensor


def main() -> None:
    """Evaluate the sensors of a workspace file. The argument: its path."""
    sensor.is_under_min_interval = lambda *_: False
    logger = logging.getLogger("ticks")
    target = WorkspaceFileTarget([str(Path(sys.argv[1]).resolve())])
    with dg.DagsterInstance.get() as instance, WorkspaceProcessContext(instance, target) as context:
        for line in sys.stdin:
            count, prefix = line.split()
            sensor.shuffled_round_robin_by_key = lambda values, key: [  # noqa: ARG005
                each
                for each in values
                if each.name.startswith(prefix)  # noqa: B023
            ]
            started = time.process_time()
            for _ in range(int(count)):
                list(sensor.execute_sensor_iteration(context, logger, None, None))
            found = {
                "cpu": time.process_time() - started,
                "sensors": newest_ticks(instance, prefix, int(count)),
            }
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()


def newest_ticks(instance: dg.DagsterInstance, prefix: str, count: int) -> dict[str, Any]:
    """Return the last ticks of each sensor; raise unless each was skipped."""
    found = {}
    for state in instance.all_instigator_state():
        if not state.name.startswith(prefix):
            continue
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=count)
        wrong = [each for each in ticks if each.status is not TickStatus.SKIPPED]
        if wrong:
            raise ValueError(f"{state.name}: {wrong[0].status} {wrong[0].tick_data.error}")
        seconds = [(each.end_timestamp or 0) - each.timestamp for each in ticks]
        interval = state.instigator_data.min_interval  # type: ignore[union-attr]
        found[state.name] = {"seconds": seconds, "interval": interval or 30, "selector": state.selector_id}
    return found


if __name__ == "__main__":
    main()
