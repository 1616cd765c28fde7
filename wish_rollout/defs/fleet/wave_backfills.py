"""The waves of a rollout as backfills, which the daemon and the run launcher of the instance execute."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wish_rollout.core.fleet.results import Outcome
from wish_rollout.defs.fleet.backfills import FleetBackfills, new_identifier
from wish_rollout.defs.fleet.launched_wave import LaunchedWave
from wish_rollout.defs.fleet.partition_list import make_adjacent
from wish_rollout.defs.fleet.target_events import TargetEvents
from wish_rollout.defs.fleet.wave_of_run import FLEET, MOST_FAILURES, WAVE_RELEASE
from wish_rollout.defs.resources import choices_of
from wish_rollout.defs.runs.run_tags import REQUESTER, ROLLOUT, WAVE, requester_of_run
from wish_rollout.rollout.execution.progress import PREFIX
from wish_rollout.rollout.fleet.approvable_plans import choices_of_fleet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import dagster as dg

    from wish_rollout.config import Environment
    from wish_rollout.core.fleet.results import TargetResult
    from wish_rollout.core.fleet.waves import WaveTargets
    from wish_rollout.rollout.fleet.wave_progress import OpenGate
    from wish_rollout.rollout.project.project import Project

RETRY_AFTER_FAILURE = "dagster/retry_on_asset_or_op_failure"
"""A tag of Dagster: whether ``run_retries`` applies to a run whose step has failed, and not only to one that was killed."""


@dataclass
class WaveBackfills:
    """The backfills of the waves of one rollout.

    ``results``: what their runs have recorded of each target, by name. ``finished``: of these, the results on which nothing is
    left to do.
    """

    context: dg.OpExecutionContext
    project: Project
    env: Environment
    results: dict[str, TargetResult] = field(default_factory=dict)
    finished: dict[str, TargetResult] = field(default_factory=dict)
    _reason: str = ""

    @property
    def backfills(self) -> FleetBackfills:
        """The backfills of the fleet."""
        return FleetBackfills(self.context.instance, self.project.config, self.env)

    def launch(self, found: WaveTargets, gate: OpenGate) -> Mapping[str, TargetResult]:
        """Launch a wave, and wait for it; return the results of the targets on which nothing is left to do.

        These are the targets that have failed, and all that have a result if the wave was stopped. The others are worked on
        in this run afterwards: one that is done is only verified. Without targets to do, or if other runs cannot be launched,
        nothing is returned. Raises BackfillsNotSupported and WaveBackfillEnded.
        """
        names = self._to_do(found, gate)
        if not names or self._is_in_own_run():
            return {}
        wave = self._launched(found, names, gate)
        wave.wait()
        results = wave.events.results
        self.results |= results
        ends = wave.has_failed or gate.is_closed()
        finished = {
            name: result
            for name, result in results.items()
            if result.outcome is Outcome.FAILED or (ends and result.is_good)
        }
        self.finished |= finished
        return finished

    def completed(self, result: TargetResult) -> TargetResult:
        """Return the result of a target that was only verified here as that of the run which has changed it."""
        other = self.results.get(result.target)
        if other is None or result.outcome is not Outcome.UNCHANGED or other.outcome is not Outcome.DONE:
            return result
        if result.end != other.end:
            return result
        seconds = round(result.seconds + other.seconds, 3)
        return replace(
            other,
            seconds=seconds,
            fingerprint=result.fingerprint,
            instance=result.instance,
            since=result.since,
        )

    def _to_do(self, found: WaveTargets, gate: OpenGate) -> list[str]:
        """Return the targets that are not recorded as done. Whether they are done is not decided by that."""
        recorded = self.backfills.recorded_code_versions()
        digest = self.project.release_digest
        names = [target.name for target in found.targets if target.name not in gate.last]
        return [name for name in names if recorded.get(name) != digest]

    def _launched(self, found: WaveTargets, names: Sequence[str], gate: OpenGate) -> LaunchedWave:
        backfills, instance = self.backfills, self.context.instance
        make_adjacent(backfills, names)
        identifier = new_identifier()
        tags = {
            ROLLOUT: self.context.run_id,
            WAVE: found.wave.name,
            FLEET: backfills.key.to_user_string(),
            WAVE_RELEASE: self.project.release_digest,
            MOST_FAILURES: str(found.wave.max_failures.most(len(found.targets))),
            REQUESTER: requester_of_run(self.context.run),
            RETRY_AFTER_FAILURE: "false",
        }
        events = TargetEvents.from_now(instance, backfills.key)
        wave = LaunchedWave(
            self.context, backfills, found, identifier, names, events, is_rejected=gate.is_closed
        )
        wave.keep_open()
        backfills.request(identifier, names, tags, f"{self.env.name} wave {found.wave.name}")
        return wave

    def _is_in_own_run(self) -> bool:
        """Return whether this run works on the targets itself; log why, once."""
        reason = self._own_run_reason()
        if reason and reason != self._reason:
            text = f"{self.env.name}: this run changes all targets itself and launches no backfills, because {reason}"
            self.context.log.info(f"{PREFIX}{text}")
        self._reason = reason
        return bool(reason)

    def _own_run_reason(self) -> str:
        if any(choices_of_fleet(choices_of(self.context), self.env.name).values()):
            return "a run of a backfill cannot be given --adopt and --replan"
        if self.backfills.silent_daemon():
            return "Dagster's daemon does not run"
        if 0 <= (most := self.backfills.most_runs()) <= 1:
            return f"max_concurrent_runs = {most} in dagster.yaml permits no run besides this one"
        return ""
