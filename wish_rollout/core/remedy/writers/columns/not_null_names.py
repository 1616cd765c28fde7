"""The names of NOT NULL constraints, which PostgreSQL 18 has for columns, and the tables that inherit them.

A snapshot has such a name only where a table has the constraint by itself, and where the name is not the usual one.
Manual, CREATE TABLE, ALTER TABLE.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import parents_of, relation
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key

NAMED_SINCE = 18
NOT_NULLS = ("not null no inherit", "not null not valid", "not null comment", "not null constraint")
_GENERATED = re.compile(r".+_.+_not_null\d*", re.DOTALL)


def usual_not_null(table: str, column: str) -> str:
    """Return the name that a column's NOT NULL constraint has by default."""
    return f"{unquote_identifier(split_last(table)[1])}_{unquote_identifier(column)}_not_null"


def chosen_name(name: str | None) -> str | None:
    """Return the name of a NOT NULL constraint, unless PostgreSQL chose it, perhaps for the column's former name."""
    return None if name is None or _GENERATED.fullmatch(name) else name


def actual_name(objects: Mapping[Key, Properties], column: str) -> str:
    """Return the name of the NOT NULL constraint of a column; an inherited one has that of the parent's."""
    own = objects["column", column].get("not null constraint")
    parents = [] if own else inherited_from(objects, column)
    return own or (actual_name(objects, parents[0]) if parents else usual_not_null(*split_last(column)))


def inherited_from(objects: Mapping[Key, Properties], column: str) -> list[str]:
    """Return the parents' columns from which a column inherits that it is NOT NULL."""
    table, own = split_last(column)
    above = [f"{parent}.{own}" for parent in parents_of(relation(objects, table))]
    return [each for each in above if passes_on(objects.get(("column", each), {}))]


def passes_on(properties: Properties) -> bool:
    """Return whether the children of a table inherit that a column is NOT NULL."""
    return bool(properties.get("not null")) and not properties.get("not null no inherit")


def stays_inherited(draft: Draft, column: str) -> bool:
    """Return whether a column inherits from a parent that it is NOT NULL, before and after."""
    return not set(inherited_from(draft.live, column)).isdisjoint(inherited_from(draft.target, column))


def staying_children(draft: Draft, column: str) -> list[str]:
    """Return the columns of the tables that are children of a column's table before and after."""
    table, own = split_last(column)
    return [
        f"{child}.{own}"
        for child in draft.live_children.get(table, ())
        if table in parents_of(relation(draft.target, child))
        and all(("column", f"{child}.{own}") in objects for objects in (draft.live, draft.target))
    ]
