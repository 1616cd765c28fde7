"""How long a rollout waits between two waves, without a server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

import pytest

from wish_rollout.config import Environment
from wish_rollout.core.fleet.results import Outcome, TargetResult
from wish_rollout.core.fleet.target_list import ListedTarget
from wish_rollout.core.fleet.waves import Wave, WaveTargets
from wish_rollout.rollout.fleet.wave_rollout import WaveRollout

if TYPE_CHECKING:
    from wish_rollout.rollout.fleet.worker_pool import WorkerPool

NO_POOL = cast("WorkerPool", None)


@pytest.mark.parametrize(
    ("ages", "soak", "waited"),
    [
        ([100, 0.1], 0.4, 0.3),
        ([100, None], 0.4, 0),
        ([None, None], 0.4, 0),
        ([-3600.0], 0.3, 0.3),
        ([0], 0, 0),
    ],
)
def test_a_wave_soaks_from_its_last_change(ages: list[float | None], soak: float, waited: float) -> None:
    names = [f"t{number}" for number in range(len(ages))]
    results = {
        name: TargetResult(name, Outcome.DONE, since=age) for name, age in zip(names, ages, strict=True)
    }
    lines: list[str] = []
    env = Environment(name="tenants")
    rollout = WaveRollout(env, (), NO_POOL, report=lines.append, results=results)
    started = time.monotonic()

    rollout.soak(WaveTargets(Wave("one", soak=soak), tuple(map(ListedTarget, names))))

    assert waited <= time.monotonic() - started < waited + 5
    assert len(lines) == (waited > 0)
