"""The wave of a rollout that a run of a backfill belongs to, and whether the run may still begin targets.

A step of a fleet that launches a wave as a backfill writes in a tag of its own run which backfill may begin targets, again and
again. The runs of the backfill read it. So they begin no other target after the step has stopped the wave, or was killed.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.defs.fleet.backfills import BACKFILL
from wish_rollout.defs.runs.run_tags import HIDDEN, ROLLOUT, WAVE

if TYPE_CHECKING:
    from collections.abc import Mapping

FLEET = f"{HIDDEN}fleet"
"""On a run of a backfill of a wave: the key of the asset of the fleet's targets."""
WAVE_RELEASE = f"{HIDDEN}wave_release"
"""The same: the digest of the release that the rollout began with."""
MOST_FAILURES = f"{HIDDEN}most_failures"
"""The same: how many targets of the wave may fail."""
OPEN_WAVE = f"{HIDDEN}open_wave"
"""On the run of the step: the ID of the backfill that may begin targets, and a number that changes while the step lives."""
ALIVE = f"{HIDDEN}alive"
"""On a run of a backfill of a wave: a number that changes while the run lives."""

READ_SECONDS, ALIVE_SECONDS = 2.0, 60.0
WAIT_SECONDS = 0.5
STEP_SILENT_SECONDS = 120.0
"""After so long without a sign of life of the step, its runs begin no other target."""
ENDED = (
    dg.DagsterRunStatus.CANCELING,
    dg.DagsterRunStatus.CANCELED,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.SUCCESS,
)


@dataclass
class WaveOfRun:
    """The wave of a run. ``rollout``: the ID of the run whose step has launched it. ``release``: the digest of its release.

    ``most_failures``: how many targets of the wave may fail. More in this run alone stop it at once; those of all runs are
    counted by the step.
    """

    instance: dg.DagsterInstance
    run_id: str
    backfill: str
    rollout: str
    name: str
    release: str
    most_failures: int
    closed: bool = False
    _value: str = field(init=False)
    _is_live: bool = False
    _changed_at: float = field(default_factory=time.monotonic)
    _read_at: float = field(default=float("-inf"))
    _alive_at: float = field(default=float("-inf"))

    def __post_init__(self) -> None:
        self._value = self._read()

    @classmethod
    def of(cls, instance: dg.DagsterInstance, run: dg.DagsterRun) -> WaveOfRun | None:
        """Return the wave of a run; None if no step of a fleet has launched it.

        Dagster copies tags to a re-execution, but not that of the backfill if this has ended: an operator has launched it.
        """
        tags = run.tags
        if not is_of_wave(tags):
            return None
        most = tags.get(MOST_FAILURES, "")
        limit = int(most) if most.isdecimal() else 0
        names = tags[BACKFILL], tags[ROLLOUT], tags[WAVE]
        return cls(instance, run.run_id, *names, tags.get(WAVE_RELEASE, ""), limit)

    def is_closed(self) -> bool:
        """Return whether no other target may be begun. Reads it at most every READ_SECONDS, and gives a sign of life.

        The first time, it waits for a sign of life of the step that was given since this run began: the step may have been
        killed before, and the clocks of two machines cannot be compared.
        """
        while True:
            closed = self._is_closed(time.monotonic())
            if closed or self._is_live:
                return closed
            threading.Event().wait(WAIT_SECONDS)

    def _is_closed(self, now: float) -> bool:
        if now - self._alive_at >= ALIVE_SECONDS:
            self._alive_at = now
            self.instance.add_run_tags(self.run_id, {ALIVE: f"{now:.0f}"})
        if not self.closed and now - self._read_at >= READ_SECONDS:
            self._read_at = now
            self.closed = self._is_ended_or_silent(now)
        return self.closed

    def _is_ended_or_silent(self, now: float) -> bool:
        value = self._read()
        if value != self._value:
            self._value, self._changed_at, self._is_live = value, now, True
        return value.partition(" ")[0] != self.backfill or now - self._changed_at > STEP_SILENT_SECONDS

    def _read(self) -> str:
        step = self.instance.get_run_by_id(self.rollout)
        return step.tags.get(OPEN_WAVE, "") if step and step.status not in ENDED else ""


def is_of_wave(tags: Mapping[str, str]) -> bool:
    """Return whether a run with these tags was launched by a step of a fleet."""
    return all(tags.get(name) for name in (BACKFILL, ROLLOUT, WAVE))
