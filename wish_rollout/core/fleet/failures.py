"""The targets that a rollout has not brought to its end, those with the same error together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.fleet.grouping import grouped
from wish_rollout.core.fleet.results import NOT_BEGUN_TEXT, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wish_rollout.core.fleet.results import TargetResult

NOT_BEGUN = TargetError("", NOT_BEGUN_TEXT)


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Targets with the same error. ``error``: its class, or "" if they were not begun. ``text``, ``hint``: of the first."""

    error: str
    text: str
    hint: str
    targets: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {**asdict(self), "targets": list(self.targets), "count": len(self.targets)}


def group_failures(results: Iterable[TargetResult]) -> tuple[FailureGroup, ...]:
    """Return the targets that have failed or were not begun, those with the same class of error together, the most first."""
    bad = [(result.target, result.error or NOT_BEGUN) for result in results if not result.is_good]
    return tuple(
        FailureGroup(group[0][1].name, group[0][1].text, group[0][1].hint, tuple(name for name, _ in group))
        for group in grouped(bad, lambda item: item[1].name)
    )
