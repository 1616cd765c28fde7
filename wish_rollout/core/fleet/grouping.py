"""Groups of a fleet's targets that have the same state: "997 equal, 3 others in 2 groups"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from wish_rollout.core.fleet.results import TargetStatus

Item = TypeVar("Item")
SHOWN_NAMES = 5


@dataclass(frozen=True, slots=True)
class StatusGroup:
    """Targets with the same verdict, revision and fingerprint; or which could not be read for the same reason."""

    members: tuple[TargetStatus, ...]

    @property
    def first(self) -> TargetStatus:
        """The first one, which is like all others."""
        return self.members[0]

    @property
    def names(self) -> list[str]:
        """The names of the targets."""
        return [each.target for each in self.members]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        first = self.first
        return {
            "verdict": first.verdict,
            "revision": first.position,
            "pending": list(first.pending),
            "fingerprint": first.fingerprint or None,
            "drift": first.drift,
            "count": len(self.members),
            "targets": self.names,
            "error": first.error.text if first.error else None,
        }


def group_statuses(statuses: Iterable[TargetStatus]) -> tuple[StatusGroup, ...]:
    """Return the groups, the largest first."""

    def key(status: TargetStatus) -> Hashable:
        error = status.error.name if status.error else ""
        return status.verdict, status.position, status.fingerprint, error

    return tuple(StatusGroup(members) for members in grouped(statuses, key))


def grouped(items: Iterable[Item], key: Callable[[Item], Hashable]) -> list[tuple[Item, ...]]:
    """Return items with equal keys together, the largest group first, each in the order of the items."""
    found: dict[Hashable, list[Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return [tuple(group) for group in sorted(found.values(), key=len, reverse=True)]


def summarize_groups(groups: Sequence[StatusGroup]) -> str:
    """Return in one line how many targets are equal, and how many groups there are besides."""
    largest, *others = groups
    count, rest = len(largest.members), sum(len(group.members) for group in others)
    if not others:
        return f"{count} equal"
    other = "other" if rest == 1 else "others"
    return f"{count} equal, {rest} {other} in {len(others)} {'group' if len(others) == 1 else 'groups'}"


def shorten_names(names: Sequence[str], count: int = 0, shown: int = SHOWN_NAMES) -> str:
    """Return the first names, and how many more there are. ``count``: of all, if ``names`` are only some of them."""
    first, count = names[:shown], count or len(names)
    more = f" and {count - len(first)} more" if count > len(first) else ""
    return ", ".join(first) + more
