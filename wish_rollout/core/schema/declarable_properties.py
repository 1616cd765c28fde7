"""The part of a schema that SQLAlchemy's metadata can declare, and in which models and scripts can differ."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.names import parent_object, split_last
from wish_rollout.core.schema.snapshot import Snapshot, without_informational_properties
from wish_rollout.core.text.sql_tokens import unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from wish_rollout.core.schema.change import Change, ValuePair
    from wish_rollout.core.schema.snapshot import Key

KINDS = frozenset({"schema", "table", "column", "constraint", "index", "enum", "sequence", "domain"})
"""Scripts can create objects of other kinds with SQL."""
SQL_ONLY_PROPERTIES = frozenset(
    {"clustered", "column options", "compression", "force row security", "invalid", "not ready", "owner"}
    | {"privileges", "replica identity", "row security", "statistics target", "statistics targets", "storage"}
)
"""Properties of declared objects that only SQL can set."""


def select_declarable(snapshot: Snapshot) -> Snapshot:
    """Return the part that models can declare: no views with their columns and indexes, and no partitions."""
    parents = {
        name
        for kind in ("table", "domain")
        for name, properties in snapshot.of_kind(kind)
        if "partition of" not in properties
    }

    def is_declarable(key: Key) -> bool:
        kind, name = key
        parent = name if kind == "table" else parent_object(kind, name, snapshot.objects[key])
        return kind in KINDS and (parent is None or parent in parents)

    return Snapshot(
        {
            key: {name: value for name, value in properties.items() if name not in SQL_ONLY_PROPERTIES}
            for key, properties in snapshot.objects.items()
            if is_declarable(key)
        }
    )


def without(snapshot: Snapshot, keys: Set[Key]) -> Snapshot:
    """Return a snapshot without these objects."""
    return Snapshot({key: value for key, value in snapshot.objects.items() if key not in keys})


def without_chosen_names(delta: Delta, declared: Set[str]) -> Delta:
    """Return a delta without pairs of a removed and an added constraint that differ in their names only.

    ``declared``: the names that the models give. The name of another constraint is chosen by PostgreSQL, and says nothing.
    """
    removed = {
        _constraint(change): change
        for change in delta.changes
        if change.kind == "constraint" and change.change == "removed"
    }
    left_out: set[int] = set()
    for change in delta.changes:
        own = unquote_identifier(split_last(change.name)[1])
        if change.kind == "constraint" and change.change == "added" and own not in declared:
            former = removed.pop(_constraint(change), None)
            left_out |= {id(each) for each in (change, former) if former}
    return Delta(tuple(change for change in delta.changes if id(change) not in left_out))


def _constraint(change: Change) -> tuple[str, str]:
    """Return the table of a constraint and all that it says, without its name."""
    index = 0 if change.change == "removed" else 1
    own = without_informational_properties({name: pair[index] for name, pair in change.properties.items()})
    return split_last(change.name)[0], json.dumps(own, sort_keys=True)


def without_column_order(delta: Delta) -> Delta:
    """Return a delta without the positions of columns that both schemas have. Renamed columns are still reported as such."""
    left = []
    for change in delta.changes:
        if change.kind == "column" and change.change == "changed":
            properties, also = _without_position(change.properties), change.also
            also = {name: pairs for name, each in also.items() if (pairs := _without_position(each))}
            if properties or also:
                left.append(replace(change, properties=properties, also=also))
        else:
            left.append(change)
    return Delta(tuple(left))


def _without_position(pairs: Mapping[str, ValuePair]) -> dict[str, ValuePair]:
    return {name: pair for name, pair in pairs.items() if name != "position"}
