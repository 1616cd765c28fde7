"""The free connections of the servers of a fleet, which its targets share."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.databases import DatabaseUnreachable
from wish_rollout.core.errors.fleets.rollouts import NoConnectionFree
from wish_rollout.postgres.facts.free_connections import FreeConnections, read_free_connections
from wish_rollout.postgres.sessions.connections import is_refused_for_limit
from wish_rollout.rollout.servers.fleet_targets import database_address

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wish_rollout.config import Environment
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget

TO_CHANGE, TO_READ = 2, 1
"""Sessions of a target at the same time: its own, and that of its watchdog if it is changed."""
TRIED_TARGETS = 3
"""So many targets of an address are tried, of which the first may be unreachable by itself."""
ADDRESSES_OF_THREAD, MOST_THREADS = 20, 8
"""Few addresses are read one after the other, because each reading counts the sessions of those at the same time."""
Address = tuple[str, ...]


@dataclass
class ServerConnections:
    """How many targets of each server may be worked on at the same time.

    ``servers``: the server of a target, by the name of the target. ``limits``: by server; a server that did not answer has
    none, so that each of its targets reports its own error.
    """

    servers: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    busy: Counter[str] = field(default_factory=Counter)

    def take(self, waiting: deque[FleetTarget]) -> FleetTarget | None:
        """Remove and return the first target whose server has free connections; None if there is none at the moment."""
        for place, target in enumerate(waiting):
            server = self.servers.get(target.name, "")
            if self.busy[server] < self.limits.get(server, len(waiting) + self.busy[server]):
                del waiting[place]
                self.busy[server] += 1
                return target
        return None

    def give_back(self, target: FleetTarget) -> None:
        """Count the connections of a target as free: the work on it has ended."""
        self.busy[self.servers.get(target.name, "")] -= 1


@dataclass(frozen=True)
class Demand:
    """What the work on a fleet needs: ``sessions`` of each target, TO_CHANGE or TO_READ, of ``parallel`` targets at a time.

    ``report``: called with each server that has fewer free connections.
    """

    env: Environment
    parallel: int
    sessions: int
    report: Callable[[str], None]


def share_connections(project: Project, targets: Sequence[FleetTarget], demand: Demand) -> ServerConnections:
    """Return how many targets of each server may be worked on at the same time.

    Addresses that lead to one server share its connections. No targets need none. Raises NoConnectionFree if no server can
    take a target; if only some cannot, one target at a time is tried there.
    """
    if not targets:
        return ServerConnections()
    by_address: dict[Address, list[FleetTarget]] = {}
    for target in targets:
        by_address.setdefault(database_address(target.url, demand.env.source)[:3], []).append(target)
    threads = min(len(by_address) // ADDRESSES_OF_THREAD + 1, MOST_THREADS)
    with ThreadPoolExecutor(threads, thread_name_prefix="connections") as pool:
        read = list(pool.map(lambda found: _read(project, found[:TRIED_TARGETS]), by_address.values()))
    free: dict[str, int] = {}
    servers: dict[str, str] = {}
    for found, members in zip(read, by_address.values(), strict=True):
        if found:
            # the largest: a session of the reading before may still be counted
            free[found.server] = max(found.count, free.get(found.server, 0))
            servers |= {target.name: found.server for target in members}
    if all(found and free[found.server] < demand.sessions for found in read):
        raise NoConnectionFree(demand.env.name, len(free), max(free.values()), demand.sessions)
    limits = {server: max(count // demand.sessions, 1) for server, count in free.items()}
    _report_reduced(demand, Counter(servers.values()), free, limits)
    return ServerConnections(servers, limits)


def _report_reduced(
    demand: Demand, members: Mapping[str, int], free: Mapping[str, int], limits: Mapping[str, int]
) -> None:
    for server, limit in limits.items():
        if limit < min(demand.parallel, members[server]):
            demand.report(
                f"{demand.env.name}: a server of {members[server]} targets has {free[server]} free connections: {limit} of "
                f"them at a time instead of {demand.parallel}"
            )


def _read(project: Project, targets: Iterable[FleetTarget]) -> FreeConnections | None:
    """Return the free connections of the server of targets; none of them are free if it refuses one for its limit."""
    for target in targets:
        try:
            with project.target_at(target.environment, target.url).connect() as connection:
                return read_free_connections(connection)
        except DatabaseUnreachable as error:
            if is_refused_for_limit(error.reason):
                return FreeConnections(error.server, 0)
        except RolloutError:
            continue
    return None
