"""Columns that have the row type of a table, or a composite type: PostgreSQL does not convert their values.

Such a column prevents each change that rewrites the rows of the table, or the type of an attribute
(find_composite_type_dependencies in PostgreSQL's tablecmds.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import ancestors
from wish_rollout.core.remedy.type_casts import cast_path
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.names_in_text import find_qualified_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.change import ValuePair
    from wish_rollout.core.schema.snapshot import Key

_CONTAINERS = ("domain", "composite type", "range type")
_STORED = ("table", "materialized view")
_REWRITTEN = frozenset({"persistence", "access method"})


def row_type_users(objects: Mapping[Key, Properties]) -> dict[str, set[Key]]:
    """Return the columns in which values of a type are stored, by the type: also those of tables below it."""
    found: dict[str, set[Key]] = {}
    for key, properties in objects.items():
        if key[0] == "column" and any((kind, split_last(key[1])[0]) in objects for kind in _STORED):
            for name in _contained(objects, str(properties["type"])):
                found.setdefault(name, set()).add(key)
    for name, users in list(found.items()):
        for above in ancestors(objects, name):
            found.setdefault(above, set()).update(users)
    return found


def _contained(objects: Mapping[Key, Properties], type_name: str) -> set[str]:
    """Return the types of which a value of a type consists."""
    found: set[str] = set()
    waiting = {type_name}
    while waiting:
        names = find_qualified_names({"types": sorted(waiting)}) - found
        found |= names
        waiting = {
            str(value)
            for name in names
            for kind in _CONTAINERS
            for value in find_qualified_names(objects.get((kind, name), {}))
        }
    return found


def rewritten_type(key: Key, pairs: Mapping[str, ValuePair]) -> str | None:
    """Return the type whose values a change would have to convert: a table's row type, or a composite type."""
    kind, name = key
    if kind == "column":
        is_computed = pairs.get("generated", ("", None))[1] is not None
        return split_last(name)[0] if is_computed or {"type", "collation"} & pairs.keys() else None
    is_rewritten = (kind == "table" and _REWRITTEN & pairs.keys()) or (
        kind == "composite type" and other_types(*pairs.get("attributes", (None, None)))
    )
    return name if is_rewritten else None


def unconverted_attribute(
    live: Mapping[Key, Properties], target: Mapping[Key, Properties], major: int, type_name: str
) -> str | None:
    """Return the attribute of a table's type whose values get no other type by assignment: ALTER TYPE has no USING."""
    key = ("composite type", type_name)
    before, after = (
        {each["name"]: each["type"] for each in objects.get(key, {}).get("attributes") or ()}
        for objects in (live, target)
    )
    for own in before.keys() & after.keys():
        old, new = before[own], after[own]
        if old != new and cast_path({**live, **target}, old, new, major) != "assignment":
            return str(own)
    return None


def other_types(before: Sequence[Properties] | None, after: Sequence[Properties] | None) -> bool:
    """Return whether an attribute gets another type or collation."""
    old, new = (
        {each["name"]: (each["type"], each.get("collation")) for each in pair or ()}
        for pair in (before, after)
    )
    return any(old[own] != new[own] for own in old.keys() & new.keys())
