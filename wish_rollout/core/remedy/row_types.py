"""Columns that have the row type of a table, or a composite type: PostgreSQL does not convert their values.

Such a column prevents each change that rewrites the rows of the table, or the type of an attribute
(find_composite_type_dependencies in PostgreSQL's tablecmds.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import ancestors
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.names_in_text import find_qualified_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key

_CONTAINERS = ("domain", "composite type", "range type")
_REWRITTEN = frozenset({"persistence", "access method"})


def row_type_users(objects: Mapping[Key, Properties]) -> dict[str, set[Key]]:
    """Return the columns of tables in which values of a type are, by the type: also those of tables below it."""
    found: dict[str, set[Key]] = {}
    for key, properties in objects.items():
        if key[0] == "column" and ("table", split_last(key[1])[0]) in objects:
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


def rewritten_type(key: Key, pairs: Pairs) -> str | None:
    """Return the type whose values a change would have to convert: a table's row type, or a composite type."""
    kind, name = key
    if kind == "column":
        is_computed = pairs.get("generated", ("", None))[1] is not None
        return split_last(name)[0] if is_computed or {"type", "collation"} & pairs.keys() else None
    is_rewritten = (kind == "table" and _REWRITTEN & pairs.keys()) or (
        kind == "composite type" and other_types(*pairs.get("attributes", (None, None)))
    )
    return name if is_rewritten else None


def other_types(before: Sequence[Properties] | None, after: Sequence[Properties] | None) -> bool:
    """Return whether an attribute gets another type or collation."""
    old, new = (
        {each["name"]: (each["type"], each.get("collation")) for each in pair or ()}
        for pair in (before, after)
    )
    return any(old[own] != new[own] for own in old.keys() & new.keys())


def reason_kept(draft: Draft, key: Key, pairs: Pairs) -> str:
    """Return why an object cannot be changed like that: a column that stays has its type; empty where it can."""
    users = draft.row_type_users.get(rewritten_type(key, pairs) or "", ())
    staying = sorted(
        each[1] for each in users if draft.live[each]["type"] == draft.target.get(each, {}).get("type")
    )
    if not staying or (key[0] == "composite type" and not is_of_table(draft, key[1])):
        return ""  # a composite type is replaced by a new one
    return f"the column {staying[0]} has its row type, and PostgreSQL does not convert its values"


def reason_not_added(draft: Draft, column: str) -> str:
    """Return why a column cannot be added: the rows would get values; empty where it can."""
    properties = draft.target["column", column]
    is_computed = "identity" in properties or ("generated" in properties and not properties.get("virtual"))
    is_computed = is_computed or draft.default(column) is not None
    users = draft.row_type_users.get(split_last(column)[0]) if is_computed else None
    return (
        f"the column {min(users)[1]} has its table's row type, and PostgreSQL does not convert its values"
        if users
        else ""
    )


def is_of_table(draft: Draft, name: str) -> bool:
    """Return whether a table that stays is of a composite type."""
    return any(
        properties.get("of type") == name == draft.target.get(key, {}).get("of type")
        for key, properties in draft.live.items()
        if key[0] == "table"
    )
