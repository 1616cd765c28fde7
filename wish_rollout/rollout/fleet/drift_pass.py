"""Passes over all targets of a fleet that look for drift: a slice at a time, and only changed databases are read."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.fleet.grouping import StatusGroup, group_statuses
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.rollout.fleet.known_states import KnownState, KnownStates
from wish_rollout.rollout.fleet.shared_targets import with_shared_databases
from wish_rollout.rollout.fleet.target_errors import describe_error
from wish_rollout.rollout.fleet.target_status import TargetReading, assess_target, read_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wish_rollout.config import Environment
    from wish_rollout.core.fleet.results import TargetStatus
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget

NO_FINDING = (Verdict.IN_STEP.value, Verdict.BEHIND.value)

_unwritten: dict[Path, KnownStates] = {}
"""What could not be written, for each file: this process keeps it."""


def is_finding(status: TargetStatus) -> bool:
    """Return whether a target has not the schema of its revision, cannot be read, or has no database of its own."""
    return status.error is not None or status.verdict not in NO_FINDING


class DriftPass:
    """A pass over a fleet. ``known``: the states of its targets."""

    def __init__(self, project: Project, env: Environment) -> None:
        self.project = project
        self.env = env
        _ = project.assessment_digest  # once, and not in each thread
        known = KnownStates.read(project.config, env)
        self.known = _unwritten.get(known.path) or known

    @property
    def states(self) -> dict[str, KnownState]:
        """What is known of each target."""
        return self.known.by_name

    def is_unread(self, name: str) -> bool:
        """Return whether no pass has come to a target yet."""
        return name not in self.states or not self.states[name].verdict

    def read(self, targets: Sequence[FleetTarget], seconds: float) -> int:
        """Read targets until all are read or the seconds are over; return how many were read.

        ``parallel`` of them are read at the same time, and assessed one after the other.
        """
        end, count = time.monotonic() + seconds, 0
        reading: deque[tuple[FleetTarget, Future[TargetReading]]] = deque()
        with ThreadPoolExecutor(self.env.parallel, thread_name_prefix="drift") as pool:
            for target in targets:
                if len(reading) == self.env.parallel:
                    self._assess(*reading.popleft())
                if count and time.monotonic() > end:
                    break
                reading.append((target, pool.submit(self._read, target)))
                count += 1
            for each in reading:
                self._assess(*each)
        return count

    def save(self, names: Sequence[str], log: Callable[[str], None]) -> None:
        """Write the states of the present targets to the file.

        ``log``: called with the error if the file cannot be written. Then the states are kept in this process.
        """
        known = self.known
        known.by_name = {name: self.states[name] for name in names if name in self.states}
        known.is_complete = known.is_complete or not any(map(self.is_unread, names))
        try:
            known.write()
            _unwritten.pop(known.path, None)
        except OSError as error:
            _unwritten[known.path] = known
            log(
                f"{known.path} cannot be written: {error.strerror}. A new process reads all targets again; make the folder "
                "writable."
            )

    def decided(self, names: Sequence[str]) -> list[str]:
        """Return the names of the targets that have been read, or are unreachable."""
        return [name for name in names if name in self.states and not self.states[name].is_undecided]

    def findings(self, names: Sequence[str]) -> tuple[StatusGroup, ...] | None:
        """Return the groups of targets with a finding; None until the first pass is complete.

        A target that came since then and has not been read has no finding yet.
        """
        if not self.known.is_complete:
            return None
        statuses = [self.states[name].status(name) for name in self.decided(names)]
        return group_statuses(filter(is_finding, with_shared_databases(self.env.name, statuses)))

    def _read(self, target: FleetTarget) -> TargetReading:
        application = f"wish-rollout drift sensor {target.environment.name}"
        database = self.project.target_at(target.environment, target.url, application)
        return read_changes(self.project, database, self.states.get(target.name, KnownState()))

    def _assess(self, target: FleetTarget, reading: Future[TargetReading]) -> None:
        """Wait for what is read of a target, and keep its state. Whatever is raised concerns this target only."""
        known = self.states.get(target.name, KnownState())
        try:
            found = reading.result()
        except Exception as error:  # noqa: BLE001
            self.states[target.name] = known.unanswered(
                "" if isinstance(error, RolloutError) else _describe(error)
            )
            return
        try:
            state = known.answered() if found.state is None else self._state(target, found)
            unproven = 0 if found.is_proven else known.unproven + 1
            state = replace(state, counters=found.counters, unproven=unproven)
        except Exception as error:  # noqa: BLE001
            state = known.unanswered(_describe(error))
        self.states[target.name] = state

    def _state(self, target: FleetTarget, found: TargetReading) -> KnownState:
        return KnownState.of(assess_target(self.project, target.name, found))


def _describe(error: Exception) -> str:
    """Return an error in one line. Of one that is not expected, the class is a part of the text."""
    found = describe_error(error)
    return found.text if isinstance(error, RolloutError) else f"{found.name}: {found.text}"
