"""Signs of life of the runs of a backfill of a wave, whose processes may be killed without a report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.defs.fleet.wave_of_run import ALIVE

if TYPE_CHECKING:
    from collections.abc import Iterable

AT_WORK = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


@dataclass
class SignsOfLife:
    """When something of some runs last changed: which there are, their statuses, and the tag that each renews."""

    _seen: Any = None
    _seen_at: float = field(default_factory=time.monotonic)

    def note(self, runs: Iterable[dg.DagsterRun], results: int = 0) -> None:
        """Note what is seen of the runs now. ``results``: how many results they have recorded."""
        seen = results, sorted((run.run_id, run.status.value, run.tags.get(ALIVE, "")) for run in runs)
        if seen != self._seen:
            self._seen, self._seen_at = seen, time.monotonic()

    def are_missing_for(self, seconds: float) -> bool:
        """Return whether nothing has changed for more than so many seconds."""
        return time.monotonic() - self._seen_at > seconds
