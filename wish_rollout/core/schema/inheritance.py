"""Inherited columns: the same change of a parent's column and its children's columns is one change.

``ALTER TABLE parent ADD COLUMN`` adds the column to all child tables and partitions (manual, "Inheritance" and
"Table Partitioning"). The delta has one change, which also names the columns of the children.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wish_rollout.core.schema.change import Change, ChangeKind, ValuePair
    from wish_rollout.core.schema.snapshot import Json, Snapshot

_OWN_PROPERTIES = ("position", "inherited", "name", "not null constraint")
"""Properties in which a child's column may differ although the change is the same."""

_ABSENT = (None, None)


def fold_inherited(changes: Iterable[Change], before: Snapshot, after: Snapshot) -> list[Change]:
    """Return the changes with those of inherited columns merged into the same change of the parent's column."""
    changes = list(changes)
    whole = {change.name for change in changes if change.change != "changed" and change.kind != "column"}
    columns = {(change.name, change.change): change for change in changes if change.kind == "column"}
    also: dict[tuple[str, ChangeKind], dict[str, Mapping[str, ValuePair]]] = {}
    folded = set()
    for key, change in columns.items():
        side = before if change.change in {"removed", "renamed"} else after
        if split_last(change.name)[0] in whole or not _is_inherited(side, change.name):
            continue
        root = _topmost_same_change(change, columns, side)
        if root is not None:
            also.setdefault((root.name, root.change), {})[change.name] = _own_pairs(change, root)
            folded.add(key)
    return [
        replace(change, also=dict(sorted(also.get((change.name, change.change), {}).items())))
        if change.kind == "column" and (change.name, change.change) in also
        else change
        for change in changes
        if change.kind != "column" or (change.name, change.change) not in folded
    ]


def unfold_inherited(changes: Iterable[Change]) -> Iterator[Change]:
    """Yield each change, and each merged change of an inherited column by itself."""
    for change in changes:
        yield replace(change, also={}) if change.also else change
        for name, own in change.also.items():
            pairs = {key: pair for key, pair in {**change.properties, **own}.items() if pair != _ABSENT}
            yield replace(change, name=name, properties=pairs, also={})


def _is_inherited(snapshot: Snapshot, column: str) -> bool:
    return "inherited" in snapshot.objects.get(("column", column), {})


def parents_of(snapshot: Snapshot, table: str) -> list[str]:
    """Return the tables of which a table is a partition or a child, directly."""
    for kind in ("table", "foreign table"):
        properties: Mapping[str, Json] = snapshot.objects.get((kind, table), {})
        if "partition of" in properties:
            return [properties["partition of"]]
        if "inherits" in properties:
            return list(properties["inherits"])
    return []


def _topmost_same_change(
    change: Change, columns: Mapping[tuple[str, ChangeKind], Change], snapshot: Snapshot
) -> Change | None:
    """Return the same change of the topmost ancestor's column, or None."""
    found = None
    table, column = split_last(change.name)
    while True:
        candidates = (
            columns.get((f"{parent}.{column}", change.change)) for parent in parents_of(snapshot, table)
        )
        same = next((other for other in candidates if other is not None and _is_same(change, other)), None)
        if same is None:
            return found
        found, table = same, split_last(same.name)[0]


def _is_same(change: Change, other: Change) -> bool:
    names = (change.properties.keys() | other.properties.keys()) - set(_OWN_PROPERTIES)
    is_equal = all(change.properties.get(name) == other.properties.get(name) for name in names)
    if change.change == "renamed":
        return split_last(change.properties["name"][1])[1] == split_last(other.properties["name"][1])[1]
    return is_equal and (change.change != "changed" or bool(names))


def _own_pairs(change: Change, root: Change) -> Mapping[str, ValuePair]:
    return {
        name: change.properties.get(name, _ABSENT)
        for name in _OWN_PROPERTIES
        if change.properties.get(name, _ABSENT) != root.properties.get(name, _ABSENT)
    }


def ancestors_of(snapshot: Snapshot, table: str) -> set[str]:
    """Return the tables of which a table is a partition or a child, directly or indirectly."""
    found: set[str] = set()
    pending = [table]
    while pending:
        new = [parent for parent in parents_of(snapshot, pending.pop()) if parent not in found]
        found.update(new)
        pending += new
    return found


def is_partition(snapshot: Snapshot, table: str) -> bool:
    """Return whether a table or foreign table is a partition."""
    return any(
        "partition of" in snapshot.objects.get((kind, table), {}) for kind in ("table", "foreign table")
    )
