"""Passes over all targets of a fleet that look for drift: a slice at a time, and only changed schemas are read.

What is known of each target is kept in a file beside rollout.toml. It saves reading: without it, every target is read again.
Where the file cannot be written, this process keeps the states.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.fleet.grouping import StatusGroup, group_statuses
from wish_rollout.core.fleet.results import TargetError, TargetStatus
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.release.release import format_position
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.text.redaction import escape_to_one_line
from wish_rollout.postgres.changes.change_token import change_token
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.revisions.records.file_replacement import replace_file
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wish_rollout.config import Environment
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget

FOLDER = Path(".dagster") / "fleets"
PASSES_UNTIL_UNREACHABLE = 3
"""After so many successive passes without an answer, a target is a finding."""
NO_FINDING = (Verdict.IN_STEP.value, Verdict.BEHIND.value)

_unwritten: dict[Path, tuple[bool, dict[str, KnownState]]] = {}
"""What could not be written, for each file: whether the first pass is complete, and the states."""


@dataclass(frozen=True, slots=True)
class KnownState:
    """What is known of a target. ``token``, ``release``: at the last reading.

    ``silent``: passes without a reading since. ``error``: why its schema could not be assessed although it answered.
    """

    token: str = ""
    release: str = ""
    verdict: str = ""
    position: str = "?"
    fingerprint: str = ""
    drift: str = ""
    silent: int = 0
    error: str = ""

    @property
    def is_undecided(self) -> bool:
        """Whether the target has never been read, and not been tried often enough to be unreachable."""
        return self.verdict in {"", Verdict.UNREACHABLE.value} and self.silent < PASSES_UNTIL_UNREACHABLE

    def status(self, name: str) -> TargetStatus:
        """Return the state as a status; unreachable after PASSES_UNTIL_UNREACHABLE."""
        if self.silent >= PASSES_UNTIL_UNREACHABLE:
            text = f"not assessed in {self.silent} passes: {self.error}" if self.error else ""
            error = TargetError("unreachable", text or f"no answer in {self.silent} passes")
            return TargetStatus(name, Verdict.UNREACHABLE.value, error=error)
        return TargetStatus(name, self.verdict, self.position, fingerprint=self.fingerprint, drift=self.drift)


class DriftPass:
    """The known states of a fleet's targets, by name. ``is_complete``: whether every target has been read once."""

    def __init__(self, project: Project, env: Environment) -> None:
        self.project = project
        self.path = project.config.root / FOLDER / f"{env.name}.json"
        self.is_complete, self.states = _unwritten.get(self.path) or _read_file(self.path)

    def is_unread(self, name: str) -> bool:
        """Return whether no pass has come to a target yet."""
        return name not in self.states or not self.states[name].verdict

    def read(self, targets: Sequence[FleetTarget], seconds: float) -> int:
        """Read targets until all are read or the seconds are over; return how many were read."""
        end = time.monotonic() + seconds
        for count, target in enumerate(targets):
            if count and time.monotonic() > end:
                return count
            self.states[target.name] = self._read(target)
        return len(targets)

    def save(self, names: Sequence[str], log: Callable[[str], None]) -> None:
        """Write the states of the present targets to the file.

        ``log``: called with the error if the file cannot be written. Then the states are kept in this process.
        """
        self.states = {name: self.states[name] for name in names if name in self.states}
        self.is_complete = self.is_complete or not any(map(self.is_unread, names))
        states = {name: asdict(state) for name, state in self.states.items()}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, json.dumps({"is_complete": self.is_complete, "states": states}))
            _unwritten.pop(self.path, None)
        except OSError as error:
            _unwritten[self.path] = self.is_complete, self.states
            log(
                f"{self.path} cannot be written: {error.strerror}. A new process reads all targets again; make the folder "
                "writable."
            )

    def decided(self, names: Sequence[str]) -> list[str]:
        """Return the names of the targets that have been read, or are unreachable."""
        return [name for name in names if name in self.states and not self.states[name].is_undecided]

    def findings(self, names: Sequence[str]) -> tuple[StatusGroup, ...] | None:
        """Return the groups of targets with a finding; None until the first pass is complete.

        A target that came since then and has not been read has no finding yet.
        """
        if not self.is_complete:
            return None
        statuses = [self.states[name].status(name) for name in self.decided(names)]
        return group_statuses(each for each in statuses if each.verdict not in NO_FINDING)

    def _read(self, target: FleetTarget) -> KnownState:
        known = self.states.get(target.name, KnownState())
        release = self.project.release_digest
        application = f"wish-rollout drift sensor {target.environment.name}"
        database = self.project.target_at(target.environment, target.url, application)
        has_answered = False
        try:
            with database.connect() as connection:
                token = change_token(connection)
                if known.verdict and (token, release) == (known.token, known.release):
                    return replace(known, silent=0, error="")
                state = read_database_state(connection, database.scope)
            has_answered = True
            assessment = EnvironmentSchema(self.project, state).assess()
        except RolloutError as error:
            reason = escape_to_one_line(error.fill(error.summary)) if has_answered else ""
            verdict = known.verdict or Verdict.UNREACHABLE.value
            return replace(known, verdict=verdict, silent=known.silent + 1, error=reason)
        return KnownState(
            token,
            release,
            assessment.verdict.value,
            format_position(state.facts.revisions),
            self.project.fingerprinted_part(state.snapshot).fingerprint,
            summarize_delta(assessment.drift) if assessment.drift else "",
        )


def _read_file(path: Path) -> tuple[bool, dict[str, KnownState]]:
    """Return what ``save`` wrote; nothing if the file is missing or cannot be read."""
    with suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        states = {str(name): KnownState(**values) for name, values in content["states"].items()}
        return content["is_complete"] is True, states
    return False, {}
