"""Parts of tables, views and domains, as a remedy counts them: with defaults and extended statistics.

A column's or domain's default is an object of its own here, as in pg_attrdef, because it can be dropped and set
again without touching the column. So is the definition of a base type: its functions need the shell type, and the
definition needs the functions (manual, CREATE TYPE).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import parent_object, split_last
from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key


DEFINITION = "base type definition"
QUERY = "view query"
SEPARATED = frozenset({"default", DEFINITION, QUERY})
"""Kinds that are no kinds of a snapshot: parts that a remedy creates or drops by themselves."""
_OF_SHELL = frozenset({"owner", "privileges", "comment"})


def separate_parts(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with each default as an object of the kind ``default``, and each definition of a base type."""
    objects = dict(snapshot.objects)
    for key, properties in snapshot.objects.items():
        if key[0] in {"column", "domain"} and "default" in properties:
            objects[key] = {name: value for name, value in properties.items() if name != "default"}
            objects["default", key[1]] = {"expression": properties["default"]}
        elif key[0] == "base type":
            objects[key] = {name: value for name, value in properties.items() if name in _OF_SHELL}
            if not properties.get("shell"):
                defined = {name: value for name, value in properties.items() if name not in _OF_SHELL}
                objects[DEFINITION, key[1]] = defined
    return Snapshot(objects, snapshot.readable_properties)


def whole_name(key: Key, properties: Properties) -> str | None:
    """Return the name of the table, view or domain that a part belongs to; None for other objects."""
    kind, name = key
    if kind == "statistics":
        return str(properties["definition"]).rsplit(" FROM ", 1)[1]
    if kind in SEPARATED:
        return None  # what it is a part of is found by name
    return parent_object(kind, name, properties)


def part_name(key: Key) -> str:
    """Return the last part of a name."""
    return split_last(key[1])[1]


def reported(key: Key) -> Key:
    """Return the object that a statement or a gap names: a column instead of its default, and a type."""
    kind = {"default": "column", DEFINITION: "base type", QUERY: "view"}.get(key[0], key[0])
    return kind, key[1]
