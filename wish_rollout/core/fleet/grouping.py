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
    def is_read(self) -> bool:
        """Whether the targets could be read, and have databases of their own."""
        return bool(self.first.fingerprint) and self.first.error is None

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
            "errors": {each.target: each.error.text for each in self.members if each.error},
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


def largest_read(groups: Sequence[StatusGroup]) -> StatusGroup | None:
    """Return the largest group whose targets could be read, with which the others are compared."""
    return next((group for group in groups if group.is_read), None)


def summarize_groups(groups: Sequence[StatusGroup]) -> str:
    """Return in one line how many targets are equal, and how many groups there are besides."""
    largest = largest_read(groups)
    total = sum(len(group.members) for group in groups)
    if largest is None:
        return f"none of {total} could be read"
    count, others = len(largest.members), len(groups) - 1
    if not others:
        return f"{count} equal"
    other = "other" if total - count == 1 else "others"
    return f"{count} equal, {total - count} {other} in {others} {'group' if others == 1 else 'groups'}"


def shorten_names(names: Sequence[str], count: int = 0, shown: int = SHOWN_NAMES) -> str:
    """Return the first names, and how many more there are. ``count``: of all, if ``names`` are only some of them."""
    first, count = names[:shown], count or len(names)
    more = f" and {count - len(first)} more" if count > len(first) else ""
    return ", ".join(first) + more
