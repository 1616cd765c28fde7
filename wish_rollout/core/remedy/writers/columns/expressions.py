"""Generated columns that stay while a function below them is created again. Manual, ALTER TABLE, SET EXPRESSION."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import ROUTINES
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.schema.snapshot import Key

SINCE = 17


BELOW = frozenset({*ROUTINES, "operator"})
"""Kinds that a column does not need while it is NULL."""


def can_be_reset(draft: Draft, column: Key) -> bool:
    """Return whether a column can be NULL while an object that its expression needs is created again."""
    live, target = (objects.get(column, {}) for objects in (draft.live, draft.target))
    kept = ("type", "collation", "virtual")
    return (
        draft.major >= SINCE
        and "generated" in live
        and "generated" in target
        and not live.get("not null")
        and [live.get(name) for name in kept] == [target.get(name) for name in kept]
        and ("table", split_last(column[1])[0]) in draft.live
    )


def reset(draft: Draft, column: str) -> list[str]:
    """Return the statement after which a column needs nothing; its children's columns follow it."""
    return _set(draft, column, f"NULL::{draft.live['column', column]['type']}")


def restore(draft: Draft, column: str) -> list[str]:
    """Return the statement that gives a column its expression in the target schema."""
    return _set(draft, column, draft.target["column", column]["generated"])


def _set(draft: Draft, column: str, expression: str) -> list[str]:
    if draft.live["column", column].get("inherited"):
        return []
    table, own = split_last(column)
    return [f"ALTER TABLE {table} ALTER COLUMN {own} SET EXPRESSION AS ({expression})"]
