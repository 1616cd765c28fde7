"""What a pending release would create and a database already has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.names import whole_of
from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wish_rollout.core.schema.change import Change
    from wish_rollout.core.schema.delta import Delta

RELATIONS = frozenset(
    {"table", "view", "materialized view", "sequence", "index", "foreign table", "composite type"}
)
"""Kinds that share one namespace, pg_class (manual, 52.11)."""
TYPES = frozenset({"enum", "domain", "composite type", "range type", "base type"})
"""Kinds that share pg_type, where each table's row type is too (manual, 52.64)."""
ROWS = frozenset({"table", "view", "materialized view", "foreign table"})
ROUTINES = frozenset({"function", "procedure", "aggregate"})


@dataclass(frozen=True, slots=True)
class ConflictingObject:
    """An object in the way. ``difference`` leads from it to what the release wants; empty: it is the same."""

    kind: str
    name: str
    expected_kind: str
    difference: Delta

    @property
    def identical(self) -> bool:
        """Whether it is exactly what the release would have made."""
        return self.kind == self.expected_kind and not self.difference

    def __str__(self) -> str:
        if self.kind != self.expected_kind:
            return f"{self.kind} {self.name} (the release wants a {self.expected_kind})"
        if self.identical:
            return f"{self.kind} {self.name} (exactly as the release would make it)"
        parts = ", ".join(f"{c.change} {c.kind} {c.name}" for c in self.difference.changes[:6])
        more = len(self.difference.changes) - 6
        return f"{self.kind} {self.name} (to be as wanted: {parts}{f' and {more} more' if more > 0 else ''})"


def obstacles(promised: Delta, wanted: Snapshot, live: Snapshot) -> tuple[ConflictingObject, ...]:
    """Find what the promised delta adds and the live schema has already, whole objects with their parts.

    What the delta removes first is not in the way: a table is renamed, and a view takes its old name over.
    """
    by_name = {(space(kind), name): kind for kind, name in live.objects}
    # a relation's row type has the relation's name, among the types
    by_name |= {
        ("type", name): kind for kind, name in live.objects if kind in ROWS and ("type", name) not in by_name
    }
    added = {change.name for change in promised.changes if change.change == "added"}
    removed = {(change.kind, change.name) for change in promised.changes if change.change == "removed"}
    found = []
    for change in promised.changes:
        properties = wanted.objects.get((change.kind, change.name), {})
        if change.change != "added" or whole_of(change.kind, change.name, properties) in added:
            continue
        kind = by_name.get((space(change.kind), change.name))
        if kind is not None and (kind, change.name) not in removed:
            found.append(ConflictingObject(kind, change.name, change.kind, _difference(change, kind, wanted, live)))
    return tuple(found)


def space(kind: str) -> str:
    """Name the namespace that a kind's names live in."""
    for shared, name in ((RELATIONS, "relation"), (TYPES, "type"), (ROUTINES, "routine")):
        if kind in shared:
            return name
    return kind


def _difference(change: Change, kind: str, wanted: Snapshot, live: Snapshot) -> Delta:
    return difference(part(live, kind, change.name), part(wanted, change.kind, change.name))


def part(snapshot: Snapshot, kind: str, name: str) -> Snapshot:
    """Cut one object and its parts out of a snapshot."""
    return Snapshot(
        {
            key: properties
            for key, properties in snapshot.objects.items()
            if key == (kind, name) or whole_of(*key, properties) == name
        }
    )


def without(snapshot: Snapshot, found: Iterable[ConflictingObject]) -> Snapshot:
    """Give a snapshot without the obstacles and their parts."""
    whole = {(obstacle.kind, obstacle.name) for obstacle in found}
    names = {name for _, name in whole}
    return Snapshot(
        {
            key: properties
            for key, properties in snapshot.objects.items()
            if key not in whole and whole_of(*key, properties) not in names
        },
        snapshot.readable_properties,
    )
