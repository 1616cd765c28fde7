"""The difference of two snapshots, object by object: exact, invertible, without consequences of other changes.

``difference(a, b).apply(a) == b``, and ``difference(b, a) == difference(a, b).inverse()``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.core.schema.change import Change, ValuePair
from wish_rollout.core.schema.column_order import moved_columns
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.inheritance import fold_inherited
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.snapshot import INFORMATIONAL_PROPERTIES, Json, Key, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

Objects = dict[Key, "Mapping[str, Json]"]
NOT_NULL_NAME = "not null constraint"
_DEFAULT_NOT_NULL_NAME = re.compile(r".+_.+_not_null\d*", re.DOTALL)


def difference(before: Snapshot, after: Snapshot) -> Delta:
    """Return the delta from one snapshot to another.

    Informational properties are compared only if both snapshots contain them. A removed and an added column
    are reported as renamed if their position, attribute number and all other properties are equal. Names that
    PostgreSQL derives from a column's name (identity sequence, NOT NULL constraint) keep the old name.
    """
    if before.has_same_objects(after):  # the usual case
        return Delta(())
    old, new = before.objects, after.objects
    ignored = INFORMATIONAL_PROPERTIES - (before.readable_properties & after.readable_properties)
    removed = {key: properties for key, properties in old.items() if key not in new}
    added = {key: properties for key, properties in new.items() if key not in old}
    changed = {}
    for key, properties in old.items():
        current = new.get(key)
        if current is not None and current is not properties and current != properties:
            pairs = _pairs(properties, current, ignored)
            if pairs:
                changed[key] = pairs
    renamed = _take_renamed_columns(removed, added)
    changes = [Change("column", name, "renamed", pairs) for name, pairs in renamed.items()]
    _keep_moved_positions(changed, before, after)
    changes += [
        Change(*key, "removed", _pairs(properties, {}, ignored)) for key, properties in removed.items()
    ]
    changes += [Change(*key, "added", _pairs({}, properties, ignored)) for key, properties in added.items()]
    changes += [Change(*key, "changed", pairs) for key, pairs in changed.items()]
    changes = fold_inherited(changes, before, after)
    return Delta(tuple(sorted(changes, key=lambda change: (change.kind, change.name, change.change))))


def _pairs(
    before: Mapping[str, Json], after: Mapping[str, Json], ignored: frozenset[str]
) -> Mapping[str, ValuePair]:
    return {
        name: (before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
        and name not in ignored
        and not (
            name == NOT_NULL_NAME and _is_default_name(before.get(name)) and _is_default_name(after.get(name))
        )
    }


def _is_default_name(name: str | None) -> bool:
    """Return whether PostgreSQL chose a NOT NULL constraint's name, perhaps from a former name of the column."""
    return name is None or _DEFAULT_NOT_NULL_NAME.fullmatch(name) is not None


def _take_renamed_columns(removed: Objects, added: Objects) -> dict[str, Mapping[str, ValuePair]]:
    """Take the renamed columns out of the removed and added objects; return old name → changed properties."""
    by_position = {
        (split_last(name)[0], properties.get("position")): name
        for (kind, name), properties in added.items()
        if kind == "column"
    }
    renamed: dict[str, Mapping[str, ValuePair]] = {}
    for (kind, name), properties in removed.items():
        position = (split_last(name)[0], properties.get("position"))
        new_name = by_position.get(position) if kind == "column" else None
        if new_name is None:
            continue
        target = added["column", new_name]
        if _name_independent(properties) != _name_independent(target):
            continue
        identity = (properties.get("identity"), target.get("identity"))
        renamed[name] = {
            "name": (name, new_name),
            **({"identity": identity} if identity[0] != identity[1] else {}),
        }
    for name, pairs in renamed.items():
        del removed["column", name], added["column", pairs["name"][1]]
    return renamed


def _name_independent(properties: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return a column's properties without the names that PostgreSQL derives from the column's name."""
    kept = {name: value for name, value in properties.items() if name != NOT_NULL_NAME}
    if "identity" in kept:
        kept["identity"] = {key: value for key, value in kept["identity"].items() if key != "sequence"}
    return kept


def _keep_moved_positions(
    changed: dict[Key, Mapping[str, ValuePair]], before: Snapshot, after: Snapshot
) -> None:
    """Remove changes of a position from ``changed``, except those of columns that really moved."""
    shifted = {key for key, pairs in changed.items() if key[0] == "column" and "position" in pairs}
    tables = {split_last(name)[0] for _, name in shifted}
    columns: dict[str, dict[str, int]] = {table: {} for table in tables}
    for name, properties in before.of_kind("column") if tables else ():
        table = split_last(name)[0]
        if table in tables and ("column", name) in after.objects:
            columns[table][name] = properties["position"]
    for positions in columns.values():
        new_positions = {name: after.objects["column", name]["position"] for name in positions}
        moved = moved_columns(positions, new_positions)
        for name, position in positions.items():
            key = ("column", name)
            if name in moved:
                changed[key] = {**changed.get(key, {}), "position": (position, new_positions[name])}
            elif key in shifted:
                changed[key] = {
                    property_name: pair
                    for property_name, pair in changed[key].items()
                    if property_name != "position"
                }
    for key in shifted:
        if not changed[key]:
            del changed[key]
