"""The state and the plan of all targets of a fleet, read by its worker processes."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.fleets.rollouts import FleetWorkerFailed
from wish_rollout.core.fleet.grouping import StatusGroup, group_statuses, largest_read
from wish_rollout.core.fleet.results import TargetPlan, TargetStatus
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.schema.comparison import difference
from wish_rollout.rollout.fleet.known_states import KnownStates, remember
from wish_rollout.rollout.fleet.server_connections import TO_READ, Demand, share_connections
from wish_rollout.rollout.fleet.shared_targets import with_shared_databases
from wish_rollout.rollout.fleet.target_errors import describe_error
from wish_rollout.rollout.fleet.target_work import PLAN, STATUS, perform
from wish_rollout.rollout.fleet.worker_pool import WorkerPool
from wish_rollout.rollout.inspection.environment_status import read_environment_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wish_rollout.config import Environment
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.fleet.known_states import KnownState
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget


FEW = 20
"""So many targets are read in this process, which takes less time than starting others."""


def read_statuses(
    project: Project,
    env: Environment,
    targets: Sequence[FleetTarget],
    report: Callable[[str], None] = lambda _: None,
    *,
    reads_all: bool = False,
) -> Iterator[TargetStatus]:
    """Yield the status of each target, as they come. One that cannot be read is unreachable or locked.

    A second target with the same database has the error TargetsShareDatabase. The catalog is read of targets whose state
    token is not that of the last reading; ``reads_all``: of all. ``report``: called if fewer targets are read at the same time than
    ``parallel``. Raises NoConnectionFree.
    """
    known = {} if reads_all else KnownStates.read(project.config, env).by_name
    yield from with_shared_databases(env.name, _read_statuses(project, env, targets, report, known))


def _read_statuses(
    project: Project,
    env: Environment,
    targets: Sequence[FleetTarget],
    report: Callable[[str], None],
    known: Mapping[str, KnownState],
) -> Iterator[TargetStatus]:
    statuses: list[TargetStatus] = []

    def order(target: FleetTarget) -> dict[str, Any]:
        return {"kind": STATUS, "known": asdict(known[target.name]) if target.name in known else None}

    try:
        for target, values in _perform(project, env, targets, report, order):
            statuses.append(
                TargetStatus.from_dict(values)
                if values is not None
                else TargetStatus(target.name, Verdict.UNREACHABLE.value, error=_dead(env))
            )
            yield statuses[-1]
    finally:
        remember(project.config, env, statuses)


def read_plans(
    project: Project,
    env: Environment,
    targets: Sequence[FleetTarget],
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[TargetPlan]:
    """Yield the plan of each target, as they come. ``report`` and errors as ``read_statuses``."""
    plans = (
        TargetPlan.from_dict(values) if values is not None else TargetPlan(target.name, error=_dead(env))
        for target, values in _perform(project, env, targets, report, lambda _: {"kind": PLAN})
    )
    yield from with_shared_databases(env.name, plans)


def are_all_in_step(
    project: Project, env: Environment, targets: Sequence[FleetTarget], *, reads_all: bool = False
) -> bool:
    """Return whether all targets are in step. Reading ends at the first that is not.

    The first one is read before processes are started for the others: after a new release it is usually not in step.
    ``reads_all``: as for ``read_statuses``; where another database is changed because of the answer, it must not depend on a file.
    """
    return all(
        status.verdict == Verdict.IN_STEP and not status.error
        for some in (targets[:1], targets)
        for status in read_statuses(project, env, some, reads_all=reads_all)
    )


@dataclass(frozen=True)
class GroupDelta:
    """How the schema of a group differs from that of the largest group; None if one of them cannot be read now."""

    group: StatusGroup
    delta: Delta | None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {**self.group.as_dict(), "delta": self.delta.as_dict() if self.delta else None}


def group_deltas(
    project: Project, targets: Sequence[FleetTarget], statuses: Sequence[TargetStatus]
) -> tuple[GroupDelta, ...]:
    """Return the groups of targets with the same state, the largest first, with their differences from it.

    Only the schema of the first target of each group is read again, so that not all schemas are in memory at once.
    """
    by_name = {target.name: target for target in targets}
    groups = group_statuses(statuses)
    largest = largest_read(groups)
    reads = len({group.first.fingerprint for group in groups if group.first.fingerprint}) > 1
    before = _schema(project, by_name, largest) if largest and reads else None
    found = []
    for group in groups:
        after = _schema(project, by_name, group) if before is not None and group is not largest else None
        found.append(GroupDelta(group, difference(before, after) if before and after else None))
    return tuple(found)


def _schema(project: Project, targets: Mapping[str, FleetTarget], group: StatusGroup) -> Snapshot | None:
    if not group.first.fingerprint:
        return None
    target = targets[group.first.target]
    status = read_environment_status(project, project.target_at(target.environment, target.url))
    return project.fingerprinted_part(status.state.snapshot) if status.state else None


def _perform(
    project: Project,
    env: Environment,
    targets: Sequence[FleetTarget],
    report: Callable[[str], None],
    order: Callable[[FleetTarget], Mapping[str, Any]],
) -> Iterator[tuple[FleetTarget, dict[str, Any] | None]]:
    if len(targets) <= FEW:
        for target in targets:
            yield target, perform(project, project.target_at(target.environment, target.url), order(target))
        return
    waiting = deque(targets)
    connections = share_connections(project, targets, Demand(env, env.parallel, TO_READ, report))
    with WorkerPool(project, env.name) as pool:
        begin = partial(connections.take, waiting)
        for target, values in pool.perform({}, begin, env.parallel, order):
            connections.give_back(target)
            yield target, values


def _dead(env: Environment) -> Any:
    return describe_error(FleetWorkerFailed(env.name, "it was ended while it read the target"))
