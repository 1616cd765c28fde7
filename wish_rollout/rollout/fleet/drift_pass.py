"""Passes over all targets of a fleet that look for drift: a slice at a time, and only changed schemas are read.

What is known of each target is kept in a file beside rollout.toml. It saves reading: without it, every target is read again.
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
from wish_rollout.postgres.changes.change_token import change_token
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.revisions.records.file_replacement import replace_file
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wish_rollout.config import Environment
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget

FOLDER = Path(".dagster") / "fleets"
PASSES_UNTIL_UNREACHABLE = 3
"""After so many successive passes without an answer, a target is a finding."""
NO_FINDING = (Verdict.IN_STEP.value, Verdict.BEHIND.value)


@dataclass(frozen=True, slots=True)
class KnownState:
    """What is known of a target. ``token``, ``release``: at the last reading. ``silent``: passes without an answer since."""

    token: str = ""
    release: str = ""
    verdict: str = ""
    position: str = "?"
    fingerprint: str = ""
    drift: str = ""
    silent: int = 0

    def status(self, name: str) -> TargetStatus:
        """Return the state as a status; unreachable after PASSES_UNTIL_UNREACHABLE."""
        if self.silent >= PASSES_UNTIL_UNREACHABLE:
            error = TargetError("unreachable", f"no answer in {self.silent} passes")
            return TargetStatus(name, Verdict.UNREACHABLE.value, error=error)
        return TargetStatus(name, self.verdict, self.position, fingerprint=self.fingerprint, drift=self.drift)


class DriftPass:
    """The known states of a fleet's targets, by name."""

    def __init__(self, project: Project, env: Environment) -> None:
        self.project = project
        self.env = env
        self.path = project.config.root / FOLDER / f"{env.name}.json"
        self.states: dict[str, KnownState] = {}
        with suppress(OSError, ValueError, TypeError, AttributeError):
            content: Mapping[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
            self.states = {str(name): KnownState(**values) for name, values in content.items()}

    def read(self, targets: Sequence[FleetTarget], seconds: float) -> int:
        """Read targets until all are read or the seconds are over; return how many were read."""
        end = time.monotonic() + seconds
        for count, target in enumerate(targets):
            if count and time.monotonic() > end:
                return count
            self.states[target.name] = self._read(target)
        return len(targets)

    def save(self, names: Sequence[str]) -> None:
        """Write the states of the present targets to the file. A process without a place to write reads all again."""
        self.states = {name: self.states[name] for name in names if name in self.states}
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, json.dumps({name: asdict(state) for name, state in self.states.items()}))

    def findings(self, names: Sequence[str]) -> tuple[StatusGroup, ...] | None:
        """Return the groups of targets with a finding; None until every target has been read."""
        if not all(name in self.states and self.states[name].verdict for name in names):
            return None
        statuses = [self.states[name].status(name) for name in names]
        return group_statuses(
            each
            for each in statuses
            if each.verdict not in NO_FINDING and (each.error or each.verdict != Verdict.UNREACHABLE)
        )

    def _read(self, target: FleetTarget) -> KnownState:
        known = self.states.get(target.name, KnownState())
        release = self.project.release_digest
        application = f"wish-rollout drift sensor {target.environment.name}"
        database = self.project.target_at(target.environment, target.url, application)
        try:
            with database.connect() as connection:
                token = change_token(connection)
                if known.verdict and (token, release) == (known.token, known.release):
                    return replace(known, silent=0)
                state = read_database_state(connection, database.scope)
        except RolloutError:
            verdict = known.verdict or Verdict.UNREACHABLE.value
            return replace(known, verdict=verdict, silent=known.silent + 1)
        assessment = EnvironmentSchema(self.project, state).assess()
        return KnownState(
            token,
            release,
            assessment.verdict.value,
            format_position(state.facts.revisions),
            self.project.fingerprinted_part(state.snapshot).fingerprint,
            summarize_delta(assessment.drift) if assessment.drift else "",
        )
