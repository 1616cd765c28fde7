"""The progress of a rollout in one wave: which target is begun next, and when none is begun any more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Mapping

    from wish_rollout.core.fleet.results import TargetResult
    from wish_rollout.core.fleet.waves import Wave
    from wish_rollout.rollout.fleet.server_connections import ServerConnections
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget

ATTEMPTS = 2
"""How often a target is tried that another session blocks, or whose worker process died."""


@dataclass(frozen=True, slots=True)
class OpenGate:
    """A wave that may begin. ``order``: added to the order. ``last``: names of targets that are begun after the others.

    ``is_closed``: returns whether no other target may be begun, because the approval was rejected meanwhile.
    """

    order: Mapping[str, Any] = field(default_factory=dict)
    last: frozenset[str] = frozenset()
    is_closed: Callable[[], bool] = lambda: False


NO_GATE = OpenGate()


@dataclass
class WaveProgress:
    """The work on the targets of one wave.

    ``waiting``: targets that are not begun, or are tried again: of these, ``repeated`` has the last results. ``failed``: how
    many have failed, after their last attempt. ``connections``: those of the servers, which the targets share.
    ``is_closed``: returns whether no other target may be begun, whatever has failed.
    """

    wave: Wave
    waiting: deque[FleetTarget]
    size: int
    connections: ServerConnections
    gate: OpenGate = NO_GATE
    is_closed: Callable[[], bool] = lambda: False
    attempts: dict[str, int] = field(default_factory=dict)
    repeated: dict[str, TargetResult] = field(default_factory=dict)
    failed: int = 0

    @property
    def is_stopped(self) -> bool:
        """Whether so many targets have failed that none is begun any more."""
        return not self.wave.max_failures.allows(self.failed, self.size)

    def next_target(self) -> FleetTarget | None:
        """Return the target to begin next; None if none may be begun now."""
        is_over = self.is_stopped or self.is_closed()
        target = None if is_over else self.connections.take(self.waiting)
        if target is None:
            return None
        self.attempts[target.name] = self.attempts.get(target.name, 0) + 1
        return target

    def is_to_be_repeated(self, target: FleetTarget, result: TargetResult) -> bool:
        """Return whether a target is tried again, at the end of the wave."""
        is_retryable = result.error is not None and result.error.retryable
        return is_retryable and self.attempts[target.name] < ATTEMPTS and not self.is_stopped
