"""Renamed columns: the first statements, so that all the others know one name alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wish_rollout.core.remedy.graph.dependencies import Dependencies
from wish_rollout.core.remedy.graph.schema_index import parents_of
from wish_rollout.core.remedy.identity_sequences import own_sequence
from wish_rollout.core.remedy.statements import Statement
from wish_rollout.core.remedy.writers.columns.not_null_names import usual_not_null
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.inheritance import unfold_inherited
from wish_rollout.core.schema.names import parent_object, split_last
from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    from wish_rollout.core.remedy.sql_syntax import Props
    from wish_rollout.core.schema.change import Change
    from wish_rollout.core.schema.snapshot import Key

_LISTS = ("columns", "keys", "include", "on delete columns")


def rename_columns(live: Snapshot, target: Snapshot) -> tuple[list[Statement], Snapshot]:
    """Return the statements that rename columns, and the schema after them, as far as texts can tell it."""
    renames = [
        change for change in unfold_inherited(difference(live, target).changes) if change.change == "renamed"
    ]
    renames = [
        each
        for each in _with_all_children(renames, live)
        if not (_is_typed(each.name, live) and _is_typed(each.name, target))
    ]
    if not renames:
        return [], live
    objects: dict[Key, Props] = {key: dict(properties) for key, properties in live.objects.items()}
    made = [
        Statement(f"ALTER TABLE {table} NOT OF", "table", table)
        for table in sorted({split_last(change.name)[0] for change in renames})
        if objects.get(("table", table), {}).pop("of type", None)
    ]
    for change in renames:
        table, old = split_last(change.name)
        new = split_last(change.properties["name"][1])[1]
        objects["column", f"{table}.{new}"] = column = objects.pop(("column", change.name))
        _keep_names(column, table, old, new, note="not null constraint" in live.readable_properties)
        _rename(objects, table, old, new)
        if not live.objects["column", change.name].get("inherited"):
            kind = next((each for each in ("view", "materialized view") if (each, table) in objects), "table")
            sql = f"ALTER {kind.upper()} {table} RENAME COLUMN {old} TO {new}"
            made.append(Statement(sql, "column", change.name))
    return made, Snapshot(objects, live.readable_properties)


def _is_typed(column: str, schema: Snapshot) -> bool:
    """Return whether a column has the name of an attribute of its table's type."""
    return "of type" in schema.objects.get(("table", split_last(column)[0]), {})


def _with_all_children(renames: list[Change], live: Snapshot) -> list[Change]:
    """Return the renames that reach only columns that are to be renamed so: RENAME COLUMN reaches each child's."""
    new_names = {change.name: split_last(change.properties["name"][1])[1] for change in renames}
    graph = Dependencies(live.objects)

    def agrees(table: str, own: str, new: str) -> bool:
        return all(
            new_names.get(f"{child}.{own}") == new and agrees(child, own, new)
            for child in graph.children.get(table, ())
            if ("column", f"{child}.{own}") in live.objects
        )

    def roots(table: str, own: str) -> bool:
        """Return whether the same rename is made on each parent that has the column."""
        parents = [*parents_of(live.objects.get(("table", table), {}))]
        named = [f"{parent}.{own}" for parent in parents if ("column", f"{parent}.{own}") in live.objects]
        return all(new_names.get(each) == new_names[f"{table}.{own}"] for each in named)

    kept = []
    for change in renames:
        table, own = split_last(change.name)
        new = new_names[change.name]
        if agrees(table, own, new) and roots(table, own) and ("column", f"{table}.{new}") not in live.objects:
            kept.append(change)
    return kept


def _keep_names(column: Props, table: str, old: str, new: str, *, note: bool) -> None:
    """Say what was named after the column, and keeps that name; it is not said where it is the usual one."""
    if identity := column.get("identity"):
        sequence = own_sequence(table, old, identity.get("sequence"))
        own = {} if sequence == own_sequence(table, new, None) else {"sequence": sequence}
        column["identity"] = {**{key: value for key, value in identity.items() if key != "sequence"}, **own}
    if note and column.get("not null") and not column.get("inherited"):
        named = column.pop("not null constraint", None) or usual_not_null(table, old)
        if named != usual_not_null(table, new):
            column["not null constraint"] = named


def _rename(objects: dict[Key, Props], table: str, old: str, new: str) -> None:
    for key, properties in objects.items():
        if parent_object(*key, properties) == table:
            for name in _LISTS:
                if name in properties and isinstance(properties[name], list):
                    properties[name] = [_key(each, old, new) for each in properties[name]]
        if key == ("table", table) and "partition by" in properties:
            word = rf"(?<![\w$\".]){re.escape(old)}(?![\w$\"(.])"
            properties["partition by"] = re.sub(word, lambda _: new, properties["partition by"])
        if properties.get("references") == table:
            properties["referenced columns"] = [
                _key(each, old, new) for each in properties["referenced columns"]
            ]
        if key[0] == "sequence" and properties.get("owned by") == f"{table}.{old}":
            properties["owned by"] = f"{table}.{new}"


def _key(text: Any, old: str, new: str) -> Any:
    first, space, rest = str(text).partition(" ")
    return f"{new}{space}{rest}" if first == old else text
