"""The work of a run on targets of a fleet, with the events of each target and the progress in the log."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.fleet.results import Outcome
from wish_rollout.defs.asset_keys import parent_keys
from wish_rollout.defs.fleet.events import target_event, target_tags, target_versions
from wish_rollout.defs.fleet.partitions import recorded_versions
from wish_rollout.defs.gate.approval_events import use_event
from wish_rollout.defs.resources import project_of
from wish_rollout.defs.runs.run_tags import requester_of_run
from wish_rollout.rollout.execution.progress import PREFIX
from wish_rollout.rollout.fleet.rate import RolloutRate
from wish_rollout.rollout.fleet.wave_rollout import WaveRollout
from wish_rollout.rollout.fleet.worker_pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wish_rollout.config import Environment
    from wish_rollout.core.fleet.results import TargetResult
    from wish_rollout.core.fleet.waves import WaveTargets
    from wish_rollout.defs.fleet.gate import FleetGate
    from wish_rollout.defs.fleet.wave_backfills import WaveBackfills
    from wish_rollout.defs.fleet.wave_of_run import WaveOfRun
    from wish_rollout.rollout.fleet.wave_progress import OpenGate
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget

REPORT_SECONDS = 2.0
"""How often the progress is logged. Each line is a row in Dagster's database."""


@dataclass
class FleetWork:
    """The work of a run. ``order``: what is done on each target. ``results``: of the targets that are finished.

    ``records_unchanged``: yield the events also of targets that were not changed and are recorded already. ``gate``: of a
    gated fleet. ``wave``: that of a run which a rollout has launched. ``backfills``: of the waves of a rollout, if it launches
    them. ``waits``: whether a wave waits for an approval.
    """

    context: dg.OpExecutionContext
    env: Environment
    targets: Sequence[FleetTarget]
    waves: Sequence[WaveTargets]
    order: Mapping[str, Any]
    records_unchanged: bool = False
    gate: FleetGate | None = None
    wave: WaveOfRun | None = None
    backfills: WaveBackfills | None = None
    waits: bool = False
    results: list[TargetResult] = field(default_factory=list)
    reported_at: float = -REPORT_SECONDS

    def events(self) -> Iterator[dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation]:
        """Do the work; yield the events of the targets that were changed or failed, or were not recorded before."""
        project, log = project_of(self.context), self.context.log
        tags = target_tags(self.context.instance, parent_keys(project.config, self.env.name))
        rate = RolloutRate(self.env.name, sum(len(each.targets) for each in self.waves))
        who, run = requester_of_run(self.context.run), self.context.run_id
        with WorkerPool(project, self.env.name, who=who, run=run, report=log.info) as pool:
            rollout = self.rollout(pool, rate)
            for result in rollout.run(self.waves):
                self.results.append(self.backfills.completed(result) if self.backfills else result)
                self.record_use(result)
                if rollout.waits and result.outcome is Outcome.NOT_BEGUN:
                    continue
                self.report(result, rate.count(has_failed=not result.is_good))
                if self.records_unchanged or not self.is_recorded(result):
                    yield target_event(project, self.env, result, tags)
            self.waits = rollout.waits
        if self.gate:
            yield from self.gate.events

    def rollout(self, pool: WorkerPool, rate: RolloutRate) -> WaveRollout:
        """Return the rollout, with the gate and the backfills of its waves, or with the end of the wave of this run.

        ``rate``: of this run's own work, for which the time of backfills does not count.
        """
        log = self.context.log
        rollout = WaveRollout(
            self.env, self.targets, pool, self.order, report=lambda line: log.info(f"{PREFIX}{line}")
        )
        if self.gate:
            rollout.gate = partial(self.gate.open, pool=pool)
        if backfills := self.backfills:

            def launch(found: WaveTargets, gate: OpenGate) -> Mapping[str, TargetResult]:
                began = time.monotonic()
                finished = backfills.launch(found, gate)
                rate.started += time.monotonic() - began
                return finished

            rollout.elsewhere = launch
        if self.wave:
            rollout.is_closed = pool.tick = self.wave.is_closed
        return rollout

    def record_use(self, result: TargetResult) -> None:
        """Record the use of an approval in Dagster too, so that it does not depend on one row of the target's ledger."""
        if result.nonce:
            used = {"nonce": result.nonce, "ledger": result.ledger, "database": result.database}
            prefix = project_of(self.context).config.project.name
            self.context.log_event(use_event(self.env.name, used, self.context.run_id, prefix))

    def is_recorded(self, result: TargetResult) -> bool:
        """Return whether another run has recorded the result of a target.

        It was not changed here, and its latest materialization has its versions: an earlier run may have been killed between
        the change of the target and the event. Or a run of the wave's backfill has recorded it, and nothing was done here.
        """
        if self.backfills and self.backfills.finished.get(result.target) is result:
            return True
        if result.outcome is not Outcome.UNCHANGED:
            return False
        project = project_of(self.context)
        recorded = recorded_versions(self.context.instance, project.config, self.env, result.target)
        return recorded == target_versions(project, result)

    def report(self, result: TargetResult, progress: str) -> None:
        """Log the error of a target, and the progress at most every REPORT_SECONDS."""
        if result.error:
            self.context.log.error(f"{self.env.name}/{result.target}: {result.error.text}")
        if time.monotonic() - self.reported_at >= REPORT_SECONDS:
            self.reported_at = time.monotonic()
            self.context.log.info(f"{PREFIX}{progress}")
