"""The rollout to a fleet: wave after wave, until too many targets of one have failed."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.fleets.rollouts import FleetWorkerFailed
from wish_rollout.core.errors.fleets.target_lists import TargetsShareDatabase
from wish_rollout.core.fleet.results import Outcome, TargetResult
from wish_rollout.core.fleet.waves import NOTHING_SIGNED, WaveTargets, assign_waves
from wish_rollout.rollout.fleet.server_connections import TO_CHANGE, Demand, share_connections
from wish_rollout.rollout.fleet.target_errors import describe_error
from wish_rollout.rollout.fleet.target_work import APPLY
from wish_rollout.rollout.fleet.wave_progress import NO_GATE, WaveProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from wish_rollout.config import Environment
    from wish_rollout.core.fleet.waves import Wave
    from wish_rollout.rollout.fleet.wave_progress import OpenGate
    from wish_rollout.rollout.fleet.worker_pool import WorkerPool
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget

SOAK_REPORT_SECONDS = 5.0


def waves_of(
    env: Environment, targets: Sequence[FleetTarget], signed: Mapping[str, Collection[str]] = NOTHING_SIGNED
) -> tuple[WaveTargets, ...]:
    """Return the waves of a fleet with their targets. ``signed``, errors: as for ``assign_waves``."""
    return assign_waves(env.name, env.waves, [target.listed for target in targets], signed)


@dataclass
class WaveRollout:
    """A rollout to the targets of a fleet.

    ``order``: what is done on each target, as ``target_work.perform`` takes it. ``report``: called with what is waited
    for. ``gate``: called before each wave with its targets; None if the wave waits for an approval, so that it and the later
    ones do not begin. ``is_closed``: returns whether no other target may be begun. ``elsewhere``: called before the targets of
    a wave are begun; returns the results of those on which other runs have worked and nothing is left to do. ``results``: of
    the targets that are finished, by name.
    """

    env: Environment
    targets: Sequence[FleetTarget]
    pool: WorkerPool
    order: Mapping[str, Any] = field(default_factory=lambda: {"kind": APPLY})
    report: Callable[[str], None] = lambda _: None
    gate: Callable[[WaveTargets, Sequence[FleetTarget]], OpenGate | None] = lambda *_: NO_GATE
    is_closed: Callable[[], bool] = lambda: False
    elsewhere: Callable[[WaveTargets, OpenGate], Mapping[str, TargetResult]] = lambda *_: {}
    waits: bool = False
    results: dict[str, TargetResult] = field(default_factory=dict)
    _instances: dict[str, str] = field(default_factory=dict)

    def run(self, waves: Sequence[WaveTargets]) -> Iterator[TargetResult]:
        """Yield the result of each target when it is final; at the end, those of the targets that were not begun.

        A wave begins when the one before it has ended and its soak time is over. Raises FleetWorkerFailed and
        NoConnectionFree.
        """
        by_name = {target.name: target for target in self.targets}
        is_stopped = False
        for position, found in enumerate(waves):
            targets = [by_name[each.name] for each in found.targets]
            gate = None if is_stopped else self.gate(found, targets)
            if gate is None:
                self.waits, is_stopped = self.waits or not is_stopped, True
                yield from self._not_begun(found.wave, targets)
                continue
            finished = self.elsewhere(found, gate)
            progress = self._begin(found.wave, targets, gate, finished)
            yield from map(self._keep, finished.values())
            yield from self.run_wave(progress)
            is_stopped = progress.is_closed() or (progress.is_stopped and found.wave.stops)
            if not is_stopped and position < len(waves) - 1:
                self.soak(found)

    def run_wave(self, progress: WaveProgress) -> Iterator[TargetResult]:
        """Yield the final result of each target of a wave."""
        order = {**self.order, **progress.gate.order, "soak": progress.wave.soak > 0}
        for target, values in self.pool.perform(order, progress.next_target, progress.wave.parallel):
            progress.connections.give_back(target)
            result = self._result(progress, target, values)
            if progress.is_to_be_repeated(target, result):
                self.report(f"{self.env.name}: {target.name} is tried again later")
                progress.waiting.append(target)
                progress.repeated[target.name] = result
                continue
            progress.failed += not result.is_good
            self._keep(result)
            failure = self._assign_targets()
            yield result
            if failure:
                raise failure
        tried = [target.name for target in progress.waiting if target.name in progress.repeated]
        for name in tried:
            yield self._keep(progress.repeated[name])
        yield from self._not_begun(
            progress.wave, [target for target in progress.waiting if target.name not in tried]
        )

    def soak(self, found: WaveTargets) -> None:
        """Wait until the last target of a wave has been changed for its soak time.

        The time of the change is in the ledger of the target, so that a rollout that is started again does not wait again. It
        never waits longer than the soak time, also if a server's clock was set back.
        """
        now = time.monotonic()
        ages = [self.results[each.name].since for each in found.targets if each.name in self.results]
        youngest = min((age for age in ages if age is not None), default=None)
        if youngest is None or not found.wave.soak:
            return
        end = now + found.wave.soak - max(youngest, 0)
        while (left := end - time.monotonic()) > 0:
            self.report(f"{self.env.name}: wave {found.wave.name} has ended; the next begins in {left:.0f} s")
            threading.Event().wait(min(left, SOAK_REPORT_SECONDS))

    def _begin(
        self,
        wave: Wave,
        targets: Sequence[FleetTarget],
        gate: OpenGate,
        finished: Mapping[str, TargetResult],
    ) -> WaveProgress:
        """Return the progress of a wave, of which some targets are finished. Raises NoConnectionFree."""
        demand = Demand(self.env, wave.parallel, TO_CHANGE, self.report)
        left = [target for target in targets if target.name not in finished]
        connections = share_connections(self.pool.project, left, demand)
        in_order = sorted(left, key=lambda target: target.name in gate.last)
        return WaveProgress(
            wave,
            deque(in_order),
            len(targets),
            connections,
            gate,
            is_closed=lambda: self.is_closed() or gate.is_closed(),
            failed=sum(not result.is_good for result in finished.values()),
        )

    def _result(
        self, progress: WaveProgress, target: FleetTarget, values: Mapping[str, Any] | None
    ) -> TargetResult:
        if values is None:
            failure = FleetWorkerFailed(self.env.name, self.pool.died[-1])
            error = replace(describe_error(failure), retryable=True)
            result = TargetResult(target.name, Outcome.FAILED, error=error)
        else:
            result = TargetResult.from_dict(values)
        result = replace(result, wave=progress.wave.name, attempts=progress.attempts[target.name])
        other = self._instances.setdefault(result.instance, target.name) if result.instance else target.name
        if other != target.name:
            shared = TargetsShareDatabase(self.env.name, target.name, other)
            return replace(result, outcome=Outcome.FAILED, error=describe_error(shared))
        return result

    def _assign_targets(self) -> Exception | None:
        """Let free processes begin their next targets; return why that failed, since a result must be recorded first."""
        try:
            self.pool.assign_targets()
        except Exception as error:  # noqa: BLE001
            return error
        return None

    def _not_begun(self, wave: Wave, targets: Sequence[FleetTarget]) -> Iterator[TargetResult]:
        for target in targets:
            yield self._keep(TargetResult(target.name, Outcome.NOT_BEGUN, wave.name))

    def _keep(self, result: TargetResult) -> TargetResult:
        self.results[result.target] = result
        return result
