"""What is known of the targets of a fleet. It saves reading: a target whose state token is the same is not read again.

The states are in a file beside rollout.toml. Without it, every target is read.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wish_rollout.core.fleet.results import TargetError, TargetStatus
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.revisions.records.file_replacement import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wish_rollout.config import Config, Environment

FOLDER = Path(".dagster") / "fleets"
PASSES_UNTIL_UNREACHABLE = 3
"""After so many successive passes without an answer, a target is a finding."""

PASSES_UNTIL_PROOF = 11
"""In so many successive passes, the counters of written rows are sufficient."""


@dataclass(frozen=True, slots=True)
class KnownState:
    """What is known of a target.

    ``token``: the state token, when it was last read. ``basis``: ``Project.assessment_digest`` then. ``silent``: passes without
    a reading since. ``error``: why its schema could not be assessed although it answered. ``counters``: of
    ``read_write_counters``, before the last reading. ``unproven``: passes since then in which only these were compared. The
    others: as TargetStatus has them.
    """

    token: str = ""
    basis: str = ""
    verdict: str = ""
    position: str = "?"
    pending: tuple[str, ...] = ()
    fingerprint: str = ""
    drift: str = ""
    server: str = ""
    instance: str = ""
    silent: int = 0
    error: str = ""
    counters: str = ""
    unproven: int = 0

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> KnownState:
        """Return the state with the fields that ``asdict`` gives. Raises TypeError for others."""
        state = cls(**values)
        return replace(state, pending=tuple(state.pending))

    @classmethod
    def of(cls, status: TargetStatus) -> KnownState:
        """Return what a status says that was read."""
        values = {name: getattr(status, name) for name in STATUS_FIELDS}
        return cls(token=status.token, basis=status.basis, **values)

    @property
    def is_undecided(self) -> bool:
        """Whether the target has never been read, and not been tried often enough to be unreachable."""
        return self.verdict in {"", Verdict.UNREACHABLE.value} and self.silent < PASSES_UNTIL_UNREACHABLE

    def holds(self, token: str, basis: str) -> bool:
        """Return whether a target with this token still has this state."""
        return bool(self.token) and (token, basis) == (self.token, self.basis)

    def holds_by_counters(self, instance: str, counters: str, basis: str) -> bool:
        """Return whether nothing was written since the last reading, as far as the server's statistics say.

        After PASSES_UNTIL_PROOF, the state token has to be read again, because statistics can be reset.
        """
        is_equal = bool(self.counters) and (instance, counters) == (self.instance, self.counters)
        return is_equal and self.holds(self.token, basis) and self.unproven < PASSES_UNTIL_PROOF

    def answered(self) -> KnownState:
        """Return the state after a pass in which it still held."""
        return replace(self, silent=0, error="")

    def unanswered(self, error: str) -> KnownState:
        """Return the state after a pass without a reading."""
        verdict = self.verdict or Verdict.UNREACHABLE.value
        return replace(self, verdict=verdict, silent=self.silent + 1, error=error)

    def status(self, name: str) -> TargetStatus:
        """Return the state as a status; unreachable after PASSES_UNTIL_UNREACHABLE."""
        if self.silent >= PASSES_UNTIL_UNREACHABLE:
            text = f"not assessed in {self.silent} passes: {self.error}" if self.error else ""
            error = TargetError("unreachable", text or f"no answer in {self.silent} passes")
            return TargetStatus(name, Verdict.UNREACHABLE.value, error=error)
        return TargetStatus(
            name, **{field: getattr(self, field) for field in (*STATUS_FIELDS, "token", "basis")}
        )


STATUS_FIELDS = ("verdict", "position", "pending", "fingerprint", "drift", "server", "instance")


@dataclass
class KnownStates:
    """The states of a fleet's targets, by name. ``is_complete``: a pass has come to every target once."""

    path: Path
    is_complete: bool
    by_name: dict[str, KnownState]

    @classmethod
    def read(cls, config: Config, env: Environment) -> KnownStates:
        """Return what ``write`` wrote; nothing if the file is missing or cannot be read."""
        path = config.root / FOLDER / f"{env.name}.json"
        with suppress(OSError, ValueError, TypeError, AttributeError, KeyError):
            content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            found = {str(name): KnownState.from_dict(values) for name, values in content["states"].items()}
            return cls(path, content["is_complete"] is True, found)
        return cls(path, is_complete=False, by_name={})

    def write(self) -> None:
        """Write the states to the file. Raises OSError."""
        states = {name: asdict(state) for name, state in self.by_name.items()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self.path, json.dumps({"is_complete": self.is_complete, "states": states}))


def remember(config: Config, env: Environment, statuses: Iterable[TargetStatus]) -> None:
    """Write the states of targets that were read to the file, if it can be written.

    What another process has written of the same targets meanwhile is replaced: it only saves reading.
    """
    states = KnownStates.read(config, env)
    found = {status.target: KnownState.of(status) for status in statuses if status.token}
    if any(states.by_name.get(name) != state for name, state in found.items()):
        states.by_name |= found
        with suppress(OSError):
            states.write()
