"""The difference of two snapshots, object by object: exact, invertible, and free of noise.

``difference(a, b).apply(a) == b``, and ``difference(b, a) == difference(a, b).inverse()``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.core.schema.change import Change, Pair
from wish_rollout.core.schema.column_order import moved
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.inheritance import fold
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.snapshot import INFORMATIONAL_PROPERTIES, Json, Key, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

Objects = dict[Key, "Mapping[str, Json]"]
NOT_NULL_NAME = "not null constraint"
_GENERATED = re.compile(r".+_.+_not_null\d*", re.DOTALL)


def difference(before: Snapshot, after: Snapshot) -> Delta:
    """Give the delta from one snapshot to another.

    Noted properties are compared only where both snapshots see them. A renamed column is told as such where
    its place, its number in the catalog and all of its properties are the same; what has a name after the
    column's former one (an identity's sequence, a NOT NULL constraint) keeps that.
    """
    if before.has_same_objects(after):  # as nearly always
        return Delta(())
    old, new = before.objects, after.objects
    unseen = INFORMATIONAL_PROPERTIES - (before.readable_properties & after.readable_properties)
    gone = {key: properties for key, properties in old.items() if key not in new}
    come = {key: properties for key, properties in new.items() if key not in old}
    touched = {}
    for key, properties in old.items():
        now = new.get(key)
        if now is not None and now is not properties and now != properties:
            pairs = _pairs(properties, now, unseen)
            if pairs:
                touched[key] = pairs
    renamed = _renamed_columns(gone, come)
    changes = [Change("column", name, "renamed", pairs) for name, pairs in renamed.items()]
    _settle_positions(touched, before, after)
    changes += [Change(*key, "removed", _pairs(properties, {}, unseen)) for key, properties in gone.items()]
    changes += [Change(*key, "added", _pairs({}, properties, unseen)) for key, properties in come.items()]
    changes += [Change(*key, "changed", pairs) for key, pairs in touched.items()]
    changes = fold(changes, before, after)
    return Delta(tuple(sorted(changes, key=lambda change: (change.kind, change.name, change.change))))


def _pairs(
    before: Mapping[str, Json], after: Mapping[str, Json], unseen: frozenset[str]
) -> Mapping[str, Pair]:
    return {
        name: (before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
        and name not in unseen
        and not (name == NOT_NULL_NAME and _generated(before.get(name)) and _generated(after.get(name)))
    }


def _generated(name: str | None) -> bool:
    """Whether a NOT NULL constraint's name is of PostgreSQL's own making, maybe for a former name of the column."""
    return name is None or _GENERATED.fullmatch(name) is not None


def _renamed_columns(gone: Objects, come: Objects) -> dict[str, Mapping[str, Pair]]:
    """Take the renamed columns out of those that went and came: old name → what changed, the name above all."""
    places = {
        (split_last(name)[0], properties.get("position")): name
        for (kind, name), properties in come.items()
        if kind == "column"
    }
    renamed: dict[str, Mapping[str, Pair]] = {}
    for (kind, name), properties in gone.items():
        to = places.get((split_last(name)[0], properties.get("position"))) if kind == "column" else None
        if to is None or _lasting(properties) != _lasting(come["column", to]):
            continue
        identity = (properties.get("identity"), come["column", to].get("identity"))
        renamed[name] = {"name": (name, to), **({"identity": identity} if identity[0] != identity[1] else {})}
    for name, pairs in renamed.items():
        del gone["column", name], come["column", pairs["name"][1]]
    return renamed


def _lasting(properties: Mapping[str, Json]) -> Mapping[str, Json]:
    """Give a column's properties without the names that follow its own by default."""
    lasting = {name: value for name, value in properties.items() if name != NOT_NULL_NAME}
    if "identity" in lasting:
        lasting["identity"] = {key: value for key, value in lasting["identity"].items() if key != "sequence"}
    return lasting


def _settle_positions(touched: dict[Key, Mapping[str, Pair]], before: Snapshot, after: Snapshot) -> None:
    """Keep a change of place only for those columns that really moved."""
    shifted = {key for key, pairs in touched.items() if key[0] == "column" and "position" in pairs}
    tables = {split_last(name)[0] for _, name in shifted}
    columns: dict[str, dict[str, int]] = {table: {} for table in tables}
    for name, properties in before.of_kind("column") if tables else ():
        table = split_last(name)[0]
        if table in tables and ("column", name) in after.objects:
            columns[table][name] = properties["position"]
    for places in columns.values():
        now = {name: after.objects["column", name]["position"] for name in places}
        went = moved(places, now)
        for name, place in places.items():
            key = ("column", name)
            if name in went:
                touched[key] = {**touched.get(key, {}), "position": (place, now[name])}
            elif key in shifted:
                touched[key] = {what: pair for what, pair in touched[key].items() if what != "position"}
    for key in shifted:
        if not touched[key]:
            del touched[key]
