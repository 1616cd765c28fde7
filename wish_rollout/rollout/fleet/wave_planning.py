"""The plans of all targets of a wave for an approval, by the worker processes of a pool."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from wish_rollout.core.approval.wave_plan import WavePlan, wave_subject
from wish_rollout.core.errors.fleets.rollouts import FleetWorkerFailed
from wish_rollout.rollout.fleet.approvable_plans import TO_APPROVE, PlannedTarget
from wish_rollout.rollout.fleet.inspection import FEW
from wish_rollout.rollout.fleet.server_connections import share_connections
from wish_rollout.rollout.fleet.taken_databases import TakenDatabases
from wish_rollout.rollout.fleet.target_errors import describe_error
from wish_rollout.rollout.fleet.target_work import perform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wish_rollout.core.approval.subject import Subject
    from wish_rollout.rollout.fleet.server_connections import Demand
    from wish_rollout.rollout.fleet.worker_pool import WorkerPool
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget


def plan_targets(
    project: Project,
    pool: WorkerPool,
    targets: Sequence[FleetTarget],
    order: Mapping[str, Any],
    demand: Demand,
) -> list[PlannedTarget]:
    """Return the plans of targets, in their order; few of them are planned in this process.

    ``demand``: what they take of the servers' connections. Raises FleetWorkerFailed and NoConnectionFree.
    """
    order = {**order, "kind": TO_APPROVE}
    is_few = len(targets) <= FEW
    performed = (
        _in_this_process(project, targets, order) if is_few else _by_workers(pool, targets, order, demand)
    )
    found = {}
    for target, values in performed:
        if values is None:
            failure = FleetWorkerFailed(pool.setting.environment, "it was ended while it planned the target")
            found[target.name] = PlannedTarget(target.name, error=describe_error(failure))
        else:
            found[target.name] = PlannedTarget.from_dict(values)
    return [found[target.name] for target in targets]


def _in_this_process(
    project: Project, targets: Sequence[FleetTarget], order: Mapping[str, Any]
) -> Iterator[tuple[FleetTarget, dict[str, Any] | None]]:
    taken = TakenDatabases.read(project)
    for target in targets:
        database = project.target_at(target.environment, target.url)
        yield target, perform(project, database, order, taken=taken)


def _by_workers(
    pool: WorkerPool, targets: Sequence[FleetTarget], order: Mapping[str, Any], demand: Demand
) -> Iterator[tuple[FleetTarget, dict[str, Any] | None]]:
    waiting = deque(targets)
    connections = share_connections(pool.project, targets, demand)
    for target, values in pool.perform(order, partial(connections.take, waiting), demand.parallel):
        connections.give_back(target)
        yield target, values


def wave_plan(scope: str, planned: Sequence[PlannedTarget], uncovered: Sequence[str]) -> WavePlan:
    """Return the plans of the targets that have something to do. ``uncovered``: the names of those without a plan."""
    return WavePlan(scope, {each.target: each.signed for each in planned if each.signed}, tuple(uncovered))


def subject_of_wave(fleet: str, plan: WavePlan, planned: Sequence[PlannedTarget]) -> Subject:
    """Return the subject of an approval of these plans, of which at least one has something to do."""
    return wave_subject(fleet, plan, [each.subject for each in planned if each.subject])
