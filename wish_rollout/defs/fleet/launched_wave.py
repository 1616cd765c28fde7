"""A wave that is launched as a backfill: it is waited for until its targets are done, or no other is to be begun."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.errors.fleets.backfills import WaveBackfillEnded
from wish_rollout.core.fleet.results import Outcome
from wish_rollout.defs.fleet.backfills import BACKFILL, SUCCEEDED, FleetBackfills
from wish_rollout.defs.fleet.signs_of_life import AT_WORK, SignsOfLife
from wish_rollout.defs.fleet.wave_of_run import OPEN_WAVE
from wish_rollout.rollout.execution.progress import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wish_rollout.core.fleet.waves import WaveTargets
    from wish_rollout.defs.fleet.target_events import TargetEvents

POLL_SECONDS, OPEN_SECONDS, REPORT_SECONDS = 2.0, 5.0, 30.0
SILENT_SECONDS = 300.0
"""After so long without a sign of life of any run, the backfill is waited for no longer."""


@dataclass
class LaunchedWave:
    """A wave whose targets the runs of a backfill change.

    ``identifier``: of the backfill. ``names``: its targets. ``is_rejected``: returns whether the approval was rejected.
    ``stopped``: why no other target is begun, or "".
    """

    context: dg.OpExecutionContext
    backfills: FleetBackfills
    found: WaveTargets
    identifier: str
    names: Sequence[str]
    events: TargetEvents
    is_rejected: Callable[[], bool]
    stopped: str = ""
    _runs: Sequence[dg.DagsterRun] = ()
    _signs: SignsOfLife = field(default_factory=SignsOfLife)
    _opened_at: float = float("-inf")
    _reported: str = ""
    _reported_at: float = float("-inf")

    def wait(self) -> None:
        """Wait until the targets have events, or nothing is to be waited for. Raises WaveBackfillEnded.

        Whatever ends the waiting, no run of the backfill begins another target afterwards.
        """
        try:
            while not self._is_over():
                self.keep_open()
                self._report()
                threading.Event().wait(POLL_SECONDS)
        finally:
            self._mark("")
        self._report_left()

    @property
    def failed(self) -> int:
        """How many targets have failed."""
        return sum(result.outcome is Outcome.FAILED for result in self.events.results.values())

    @property
    def has_failed(self) -> bool:
        """Whether more targets have failed than the wave permits."""
        return not self.found.wave.max_failures.allows(self.failed, len(self.found.targets))

    def _is_over(self) -> bool:
        self._runs = self.context.instance.get_runs(dg.RunsFilter(tags={BACKFILL: self.identifier}))
        self.events.read({run.run_id for run in self._runs})
        self._signs.note(self._runs, len(self.events.results))
        if self.events.results.keys() >= set(self.names):
            return True
        if self._has_succeeded():
            return True
        if not self.stopped:
            self._stop(self._reason_to_stop())
        if self._signs.are_missing_for(SILENT_SECONDS):
            self._stop(
                f"{self._silence()} for {SILENT_SECONDS:g} s: this run works on the targets that are left"
            )
            return True
        return bool(self.stopped) and not any(run.status in AT_WORK for run in self._runs)

    def _has_succeeded(self) -> bool:
        """Return whether the daemon has ended the backfill after all its runs. Raises WaveBackfillEnded."""
        found = self.backfills.read(self.identifier)
        status = found.status if found else "deleted"
        if status in (*SUCCEEDED, "REQUESTED"):
            return status != "REQUESTED"
        reason = found.error if found and found.error else "not by this rollout"
        env, wave = self.backfills.env.name, self.found.wave.name
        raise WaveBackfillEnded(env, wave, self.identifier, status.lower(), reason)

    def _reason_to_stop(self) -> str:
        if self.has_failed:
            return "too many targets have failed"
        return "the approval was rejected" if self.is_rejected() else ""

    def _silence(self) -> str:
        if not self._runs:
            return "Dagster's daemon has launched no run of it"
        if all(run.status is dg.DagsterRunStatus.QUEUED for run in self._runs):
            return (
                f"none of its {len(self._runs)} runs has left the queue, perhaps because max_concurrent_runs or another limit "
                "of concurrency in dagster.yaml permits none"
            )
        return "its runs have given no sign of life"

    def _stop(self, reason: str) -> None:
        """Let no other target be begun, and cancel the runs that are still in the queue."""
        if not reason or self.stopped:
            return
        self.stopped = reason
        self._mark("")
        self._log(f"{reason}; no other target is begun by its runs", self.context.log.warning)
        coordinator = self.context.instance.run_coordinator
        for run in self._runs:
            # one that leaves the queue at this moment has begun no target, and will begin none
            if coordinator and run.status is dg.DagsterRunStatus.QUEUED:
                coordinator.cancel_run(run.run_id)

    def keep_open(self) -> None:
        """Let the runs of the backfill begin targets, unless the wave was stopped."""
        now = time.monotonic()
        if not self.stopped and now - self._opened_at >= OPEN_SECONDS:
            self._opened_at = now
            self._mark(f"{self.identifier} {now:.0f}")

    def _mark(self, value: str) -> None:
        self.context.instance.add_run_tags(self.context.run_id, {OPEN_WAVE: value})

    def _report(self) -> None:
        failed = f", {self.failed} failed" if self.failed else ""
        at_work = sum(run.status in AT_WORK for run in self._runs)
        runs = f"{at_work} of {len(self._runs)} runs at work" if self._runs else "no run yet"
        line = f"{len(self.events.results)} of {len(self.names)} targets{failed}, {runs}"
        if line != self._reported or time.monotonic() - self._reported_at >= REPORT_SECONDS:
            self._reported, self._reported_at = line, time.monotonic()
            self._log(line, self.context.log.info)

    def _report_left(self) -> None:
        found = self.events.results
        left = sum(name not in found or found[name].outcome is Outcome.NOT_BEGUN for name in self.names)
        if left and not self.stopped and not self._reason_to_stop():
            failed = ", ".join(run.run_id for run in self._runs if run.is_failure) or "none"
            text = f"{left} targets have no result of a run and are worked on here; failed runs: {failed}"
            self._log(text, self.context.log.warning)

    def _log(self, text: str, write: Callable[[str], None]) -> None:
        where = f"{self.backfills.env.name}: wave {self.found.wave.name}, backfill {self.identifier}"
        write(f"{PREFIX}{where}: {text}")
