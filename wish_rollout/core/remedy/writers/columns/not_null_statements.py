"""The statements that add, drop and rename NOT NULL constraints. Manual, ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import relation
from wish_rollout.core.remedy.sql_syntax import identifier
from wish_rollout.core.remedy.writers.columns.not_null_names import (
    NAMED_SINCE,
    actual_name,
    chosen_name,
    passes_on,
    staying_children,
    usual_not_null,
)
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.draft import Draft, Pairs


def add(draft: Draft, name: str, pairs: Pairs) -> str:
    """Return the statement that makes a column NOT NULL: as a constraint where it has a name, or is not inherited (18)."""
    table, column = split_last(name)
    new = draft.target["column", name]
    named = new.get("not null constraint") if draft.major >= NAMED_SINCE else None
    is_alone = new.get("not null no inherit")
    if not is_alone and chosen_name(named) is None:
        return f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL"
    for written in ("not null no inherit", "not null constraint"):
        pairs.pop(written, None)
    own = identifier(named or usual_not_null(table, column))
    return f"ALTER TABLE {table} ADD CONSTRAINT {own} NOT NULL {column}{' NO INHERIT' if is_alone else ''}"


def drop(draft: Draft, name: str) -> list[str]:
    """Return the statements after which a column accepts NULL, while its children's columns may stay NOT NULL."""
    table, column = split_last(name)
    staying = [each for each in staying_children(draft, name) if draft.live["column", each].get("not null")]
    is_partitioned = "partition by" in draft.live.get(("table", table), {})
    can_be_alone = draft.major >= NAMED_SINCE or not is_partitioned
    if can_be_alone and staying and all(_keeps(draft, each, name) for each in staying):
        return [f"ALTER TABLE ONLY {table} ALTER COLUMN {column} DROP NOT NULL"]
    made = [*_without_identity(draft, table), f"ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL"]
    made += [
        f"ALTER TABLE {split_last(each)[0]} ALTER COLUMN {column} DROP NOT NULL"
        for each in _perhaps_by_themselves(draft, name)
    ]
    return made + [add(draft, each, {}) for each in _still_not_null(draft, name)]


def _without_identity(draft: Draft, table: str) -> list[str]:
    """Return the statement after which a table's replica identity does not need a column that is NOT NULL any longer."""
    before, after = (
        objects.get(("table", table), {}).get("replica identity") for objects in (draft.live, draft.target)
    )
    is_by_index = before != after and str(before).startswith("index ")
    return [f"ALTER TABLE {table} REPLICA IDENTITY DEFAULT"] if is_by_index else []


def drop_inherited(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Return the statement after which a new child accepts NULL, unlike its parent; only before PostgreSQL 18."""
    table, column = split_last(name)
    if draft.major >= NAMED_SINCE or "partition of" in relation(draft.target, table):
        return []
    del pairs["not null"]
    return [f"ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL"]


def _keeps(draft: Draft, name: str, parent: str) -> bool:
    """Return whether a column stays NOT NULL, with the constraint that it has."""
    names = (actual_name(draft.live, name), actual_name(draft.target, name))
    is_named_so = names[0] == names[1] or chosen_name(names[0]) is chosen_name(names[1]) is None
    return (
        passes_on(draft.live["column", parent])
        and bool(draft.target["column", name].get("not null"))
        and is_named_so
    )


def _still_not_null(draft: Draft, name: str) -> Iterator[str]:
    """Yield the topmost columns of children that stay NOT NULL, although their parents' do not."""
    for each in staying_children(draft, name):
        live, target = draft.live["column", each], draft.target["column", each]
        if live.get("not null") and target.get("not null") and not target.get("not null not valid"):
            yield each
        else:
            yield from _still_not_null(draft, each)


def _perhaps_by_themselves(draft: Draft, name: str) -> Iterator[str]:
    """Yield the columns of children that accept NULL as well, and perhaps have a constraint by themselves (18)."""
    for each in staying_children(draft, name) if draft.major >= NAMED_SINCE else ():
        live, target = draft.live["column", each], draft.target["column", each]
        if live.get("not null") and not target.get("not null"):
            yield from _perhaps_by_themselves(draft, each)
            yield each


def rename(draft: Draft, table: str, old: str, new: str) -> list[str]:
    """Return the statements that rename a constraint. PostgreSQL 18 refuses RENAME CONSTRAINT for a typed table."""
    rename = f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}"
    of_type = draft.target.get(("table", table), {}).get("of type")
    return (
        [f"ALTER TABLE {table} NOT OF", rename, f"ALTER TABLE {table} OF {of_type}"] if of_type else [rename]
    )
