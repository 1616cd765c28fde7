"""Parts of tables, views and domains, as a remedy counts them: with defaults and extended statistics.

A column's or domain's default is an object of its own here, as in pg_attrdef, because it can be dropped and set
again without touching the column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import parent_object, split_last
from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key


def separate_defaults(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with the default of each column and domain as an object of the kind ``default``."""
    objects = dict(snapshot.objects)
    for key, properties in snapshot.objects.items():
        if key[0] in {"column", "domain"} and "default" in properties:
            objects[key] = {name: value for name, value in properties.items() if name != "default"}
            objects["default", key[1]] = {"expression": properties["default"]}
    return Snapshot(objects, snapshot.readable_properties)


def whole_name(key: Key, properties: Properties) -> str | None:
    """Return the name of the table, view or domain that a part belongs to; None for other objects."""
    kind, name = key
    if kind == "statistics":
        return str(properties["definition"]).rsplit(" FROM ", 1)[1]
    if kind == "default":
        return None  # its column is found by name
    return parent_object(kind, name, properties)


def part_name(key: Key) -> str:
    """Return the last part of a name."""
    return split_last(key[1])[1]


def reported(key: Key) -> Key:
    """Return the object that a statement or a gap names: a column or a domain instead of its default."""
    return ("column", key[1]) if key[0] == "default" else key
