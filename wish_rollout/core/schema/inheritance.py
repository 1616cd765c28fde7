"""What happens to a parent's column happens to its children's and partitions': told once.

``ALTER TABLE parent ADD COLUMN`` reaches every child (manual, "Inheritance" and "Table Partitioning"). It is
one thing that happened, so the delta has one change, which names the children's columns too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wish_rollout.core.schema.change import Change, Kind, Pair
    from wish_rollout.core.schema.snapshot import Json, Snapshot

_OWN = ("position", "inherited", "name", "not null constraint")
"""Properties in which a child's column may differ although the same happened to it."""

_ABSENT = (None, None)


def fold(changes: Iterable[Change], before: Snapshot, after: Snapshot) -> list[Change]:
    """Take the changes of inherited columns into those of their parents' where they are the same."""
    changes = list(changes)
    whole = {change.name for change in changes if change.change != "changed" and change.kind != "column"}
    columns = {(change.name, change.change): change for change in changes if change.kind == "column"}
    also: dict[tuple[str, Kind], dict[str, Mapping[str, Pair]]] = {}
    folded = set()
    for key, change in columns.items():
        side = before if change.change in {"removed", "renamed"} else after
        if split_last(change.name)[0] in whole or not _inherited(side, change.name):
            continue
        root = _root(change, columns, side)
        if root is not None:
            also.setdefault((root.name, root.change), {})[change.name] = _own(change, root)
            folded.add(key)
    return [
        replace(change, also=dict(sorted(also.get((change.name, change.change), {}).items())))
        if change.kind == "column" and (change.name, change.change) in also
        else change
        for change in changes
        if change.kind != "column" or (change.name, change.change) not in folded
    ]


def unfold(changes: Iterable[Change]) -> Iterator[Change]:
    """Give every change by itself."""
    for change in changes:
        yield replace(change, also={}) if change.also else change
        for name, own in change.also.items():
            pairs = {what: pair for what, pair in {**change.properties, **own}.items() if pair != _ABSENT}
            yield replace(change, name=name, properties=pairs, also={})


def _inherited(snapshot: Snapshot, column: str) -> bool:
    return "inherited" in snapshot.objects.get(("column", column), {})


def _parents(snapshot: Snapshot, table: str) -> list[str]:
    for kind in ("table", "foreign table"):
        properties: Mapping[str, Json] = snapshot.objects.get((kind, table), {})
        if "partition of" in properties:
            return [properties["partition of"]]
        if "inherits" in properties:
            return list(properties["inherits"])
    return []


def _root(change: Change, columns: Mapping[tuple[str, Kind], Change], snapshot: Snapshot) -> Change | None:
    """Find the topmost ancestor's column to which the same happened, step by step."""
    found = None
    table, column = split_last(change.name)
    while True:
        above = (columns.get((f"{parent}.{column}", change.change)) for parent in _parents(snapshot, table))
        same = next((other for other in above if other is not None and _same(change, other)), None)
        if same is None:
            return found
        found, table = same, split_last(same.name)[0]


def _same(one: Change, other: Change) -> bool:
    names = (one.properties.keys() | other.properties.keys()) - set(_OWN)
    alike = all(one.properties.get(name) == other.properties.get(name) for name in names)
    if one.change == "renamed":
        return split_last(one.properties["name"][1])[1] == split_last(other.properties["name"][1])[1]
    return alike and (one.change != "changed" or bool(names))


def _own(change: Change, root: Change) -> Mapping[str, Pair]:
    return {
        name: change.properties.get(name, _ABSENT)
        for name in _OWN
        if change.properties.get(name, _ABSENT) != root.properties.get(name, _ABSENT)
    }
