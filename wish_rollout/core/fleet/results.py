"""Results of the work on the targets of a fleet, as they are passed between processes: values that JSON has."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


ALL_TARGETS = "all_targets"
"""The name of the check that all targets are done."""
NOT_BEGUN_TEXT = (
    "not begun: too many targets have failed before, the approval was rejected, or the rollout has ended"
)


class Outcome(StrEnum):
    """What became of a target in a rollout or a rollback."""

    DONE = "done"
    """It was changed and verified."""
    UNCHANGED = "unchanged"
    """There was nothing to do, and it is verified."""
    FAILED = "failed"
    """An error was raised; ``error`` describes it."""
    NOT_BEGUN = "not_begun"
    """Too many targets have failed before it, so its turn did not come."""


@dataclass(frozen=True, slots=True)
class TargetError:
    """The error of a target: the name of its class, its text in one line, the hint, and its exit code.

    ``retryable``: the same work may succeed a little later, because another session blocked it.
    """

    name: str
    text: str
    hint: str = ""
    exit_code: int = 1
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class TargetValues:
    """What is passed between processes about a target. Fields whose JSON value is another type are in CONVERSIONS."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the values with the fields that ``as_dict`` has written; others are ignored."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        return cls(**{name: CONVERSIONS.get(name, _same)(value) for name, value in known.items()})

    def as_dict(self) -> dict[str, Any]:
        """Return all fields as JSON values."""
        return asdict(self)


def _same(value: Any) -> Any:
    return value


CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "outcome": Outcome,
    "pending": tuple,
    "error": lambda value: TargetError(**value) if value else None,
}


@dataclass(frozen=True, slots=True)
class TargetResult(TargetValues):
    """What was done on a target.

    ``start``, ``end``: revisions. ``fingerprint``: after the verification. ``seconds``: of the work. ``since``: seconds
    since the ledger's last row of this release, by the clock of the database; None if there is none or it was not read.
    ``instance``: identifies the database, whatever its address is. ``attempts``: how often it was tried. ``nonce``: of the
    request whose approval was used, with the last row of the ledger and the database, as ``Migrated`` has them.
    """

    target: str
    outcome: Outcome
    wave: str = ""
    start: str = ""
    end: str = ""
    action: str = ""
    fingerprint: str = ""
    seconds: float = 0
    since: float | None = None
    instance: str = ""
    attempts: int = 1
    error: TargetError | None = None
    nonce: str = ""
    ledger: str = ""
    database: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the target is at the end of the work, and verified."""
        return self.outcome in (Outcome.DONE, Outcome.UNCHANGED)


@dataclass(frozen=True, slots=True)
class TargetStatus(TargetValues):
    """The state of a target: the fields of a status, with its delta as text, without the schema.

    ``position``: the revision as text, or "?" if the database could not be read. ``drift``: the drift in one line. ``token``,
    ``basis``: the state token of the database, and the digest of what else the verdict depends on; empty if it was not read.
    """

    target: str
    verdict: str
    position: str = "?"
    pending: tuple[str, ...] = ()
    fingerprint: str = ""
    drift: str = ""
    server: str = ""
    instance: str = ""
    token: str = ""
    basis: str = ""
    error: TargetError | None = None


@dataclass(frozen=True, slots=True)
class TargetPlan(TargetValues):
    """The plan of a target. ``kind``: a digest of the plan without what names the database; equal plans have the same.

    ``pending``: the revisions that it runs. ``instance``: identifies the database. ``error``: why it cannot be executed.
    """

    target: str
    kind: str = ""
    summary: str = ""
    pending: tuple[str, ...] = ()
    instance: str = ""
    error: TargetError | None = None
