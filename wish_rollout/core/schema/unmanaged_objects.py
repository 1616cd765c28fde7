"""What other people own in the same database, and whether it counts.

Only whole objects can be theirs, with their parts. A column, an index, a constraint or a trigger on an object of
ours is drift, whoever made it, and so is what becomes part of ours in another way: a partition or a child of
our table, a sequence that our column owns, statistics on our table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from wish_rollout.core.schema.conflicting_objects import space
from wish_rollout.core.schema.names import split_last, whole_of
from wish_rollout.core.schema.names_in_text import names_in
from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wish_rollout.core.schema.snapshot import Json, Key

Known = frozenset[tuple[str, str]]
"""Names that are ours, each with the namespace that it lives in."""


class Unmanaged(StrEnum):
    """What is done about objects that neither the promise nor the release's history knows."""

    FAIL = "fail"
    """They are drift."""
    REPORT = "report"
    """They are no drift, and are told."""
    IGNORE = "ignore"
    """They are no drift, and nothing is said."""


@dataclass(frozen=True, slots=True)
class ManagedSchema:
    """A live schema without what does not count, and the names of what was left out, to be told."""

    snapshot: Snapshot
    unmanaged: tuple[str, ...] = ()


def everything(live: Snapshot) -> ManagedSchema:
    """Count everything."""
    return ManagedSchema(live)


def known_in(snapshots: Iterable[Snapshot]) -> Known:
    """Give the names of all whole objects in some schemas."""
    return frozenset(
        (space(kind), name)
        for snapshot in snapshots
        for (kind, name), properties in snapshot.objects.items()
        if whole_of(kind, name, properties) is None
    )


def count(live: Snapshot, policy: Unmanaged, known: Callable[[], Known]) -> ManagedSchema:
    """Say what of a live schema counts against a promise. ``known`` is asked only where that matters."""
    if policy is Unmanaged.FAIL:
        return ManagedSchema(live)
    ours = known()
    theirs = {key for key, properties in live.objects.items() if _is_theirs(key, properties, ours)}
    if not theirs:
        return ManagedSchema(live)
    names = {name for _, name in theirs}
    kept = {
        key: properties
        for key, properties in live.objects.items()
        if key not in theirs and whole_of(*key, properties) not in names
    }
    told = tuple(sorted(f"{kind} {name}" for kind, name in theirs))
    return ManagedSchema(Snapshot(kept, live.readable_properties), told if policy is Unmanaged.REPORT else ())


def _is_theirs(key: Key, properties: Mapping[str, Json], ours: Known) -> bool:
    kind, name = key
    if whole_of(kind, name, properties) is not None or (space(kind), name) in ours:
        return False
    return not any(("relation", other) in ours for other in _joined(kind, properties))


def _joined(kind: str, properties: Mapping[str, Json]) -> set[str]:
    """Name the tables that an object has become part of."""
    if kind == "table":
        parent = properties.get("partition of")
        return {*properties.get("inherits", ()), *([parent] if parent else [])}
    if kind == "sequence" and "owned by" in properties:
        return {split_last(properties["owned by"])[0]}
    return names_in({"definition": properties["definition"]}) if kind == "statistics" else set()
