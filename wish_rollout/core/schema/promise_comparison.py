"""The comparison of objects that a transaction has changed with the objects that a release promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.snapshot import Snapshot, without_informational_properties

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Json, Key

    Objects = Mapping[Key, Mapping[str, Json]]


def changed_keys(before: Objects, after: Objects) -> set[Key]:
    """Return the objects that are only in one of two schemas, or differ."""
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def differing_keys(
    promised: Objects, found: Objects, keys: Iterable[Key], *, any_order: bool = False
) -> list[Key]:
    """Return those of some objects that are not as promised, sorted.

    Informational properties are not compared. ``any_order``: the positions of columns are not compared.
    """
    left_out = {"position"} if any_order else set()

    def compared(properties: Mapping[str, Json] | None) -> Mapping[str, Json] | None:
        if properties is None:
            return None
        kept = without_informational_properties(properties)
        return {name: value for name, value in kept.items() if name not in left_out} if left_out else kept

    return sorted(key for key in keys if compared(promised.get(key)) != compared(found.get(key)))


def delta_of_keys(promised: Objects, found: Objects, keys: Iterable[Key]) -> Delta:
    """Return the delta from the promised objects to the found ones, of some objects only."""
    wanted = list(keys)
    first, second = (
        Snapshot({key: objects[key] for key in wanted if key in objects}) for objects in (promised, found)
    )
    return difference(first, second)
