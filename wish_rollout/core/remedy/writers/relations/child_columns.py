"""Columns of partitions and children that are created: what they have that is not as their parents'. Manual, CREATE TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import relation
from wish_rollout.core.remedy.sql_syntax import identifier
from wish_rollout.core.remedy.writers.columns import not_null_statements
from wish_rollout.core.remedy.writers.columns.creation import PASSED_OVER
from wish_rollout.core.remedy.writers.columns.not_null_names import NAMED_SINCE, NOT_NULLS, chosen_name
from wish_rollout.core.remedy.writers.columns.properties import beside
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props

_NOT_PASSED_ON = frozenset({*PASSED_OVER, *NOT_NULLS, "statistics target", "column options"})
"""Properties that CREATE TABLE does not give to the columns of a child."""
GENERATED_AGAIN = 16
"""The first version in which a child repeats or replaces the expression of an inherited column."""


def named_not_null(draft: Draft, column: str, properties: Props) -> list[str]:
    """Return the NOT NULL constraint of an inherited column that has a name of its own."""
    named = chosen_name(properties.get("not null constraint"))
    if named is None or draft.major < NAMED_SINCE or "not null not valid" in properties:
        return []
    no_inherit = " NO INHERIT" if properties.get("not null no inherit") else ""
    return [f"CONSTRAINT {identifier(named)} NOT NULL {split_last(column)[1]}{no_inherit}"]


def leave_out_parents_expression(draft: Draft, column: str, properties: Props) -> None:
    """Leave out what a generated column inherits: only PostgreSQL 16 and later accept it again (CREATE TABLE)."""
    table, own = split_last(column)
    for parent in draft.target["table", table].get("inherits", ()):
        of_parent = draft.target.get(("column", f"{parent}.{own}"), {})
        if draft.major < GENERATED_AGAIN and "generated" in of_parent:
            properties.pop("generated", None)


def inherited(draft: Draft, column: str, properties: Props, partition_of: str | None) -> list[str]:
    """Write what a column has that is not as its parent's."""
    table, own = split_last(column)
    parents = [partition_of] if partition_of else relation(draft.target, table).get("inherits", [])
    parent = next(
        (found for each in parents if (found := draft.target.get(("column", f"{each}.{own}")))), properties
    )
    passed = {key: value for key, value in parent.items() if key not in _NOT_PASSED_ON}
    if parent.get("not null no inherit"):
        passed.pop("not null", None)
    if named_not_null(draft, column, properties):
        for key in ("not null constraint", "not null no inherit"):
            properties.pop(key, None)
        passed["not null"] = True
    pairs: Pairs = {
        key: (passed.get(key), properties.get(key))
        for key in sorted({*passed, *properties} - {"position", "attribute number", "inherited"})
        if passed.get(key) != properties.get(key)
    }
    made = _own_default(draft, column, parents)
    if "not null" not in pairs:
        pairs.pop("not null constraint", None)
        if pairs.pop("not null not valid", None):
            draft.gap("column", column, "a new child has the NOT NULL constraint of its parent valid")
    elif pairs["not null"][1] is None:
        made += not_null_statements.drop_inherited(draft, column, pairs)
    elif "not null not valid" not in pairs:
        del pairs["not null"]
        made.append(not_null_statements.add(draft, column, pairs))
    made += beside(draft, column, pairs)
    for key in pairs:
        draft.gap("column", column, f"its {key} is not as its parent's")
    return made


def _own_default(draft: Draft, column: str, parents: list[str]) -> list[str]:
    """Write a default that is not the parent's."""
    table, own = split_last(column)
    of_parent = next(
        (draft.default(f"{each}.{own}") for each in parents if ("column", f"{each}.{own}") in draft.target),
        None,
    )
    if (value := draft.default(column)) == of_parent:
        return []
    text = f"SET DEFAULT {value}" if value is not None else "DROP DEFAULT"
    return [f"ALTER TABLE {table} ALTER COLUMN {own} {text}"]
