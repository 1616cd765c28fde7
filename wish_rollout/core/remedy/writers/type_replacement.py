"""Replacing a type that columns have: the old one is renamed, and dropped after each column has the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.sql_syntax import identifier
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.names_in_text import has_word
from wish_rollout.core.text.sql_tokens import bare

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.schema.snapshot import Key

_REPLACEABLE = frozenset({"enum", "domain", "range type"})


def can_move(draft: Draft, column: Key, type_key: Key) -> bool:
    """Return whether a column can be given the new form of its type: exactly that type, or an array of it."""
    if column[0] != "column" or type_key[0] not in _REPLACEABLE or type_key not in draft.target:
        return False
    table, own = split_last(column[1])
    live, target = draft.live[column], draft.target.get(column)
    if target is None or ("table", table) not in draft.live or "generated" in live:
        return False
    if has_word({"key": draft.live["table", table].get("partition by", "")}, own):
        return False
    type_name = str(live["type"])
    return type_name == target["type"] and type_name.removesuffix("[]") == type_key[1]


def old_name(name: str) -> str:
    """Return the name that the old form of a type has meanwhile."""
    schema, own = split_last(name)
    return f"{schema}.{identifier(f'{bare(own)[:50]}__before')}"


def set_aside(kind: str, name: str) -> str:
    """Return the statement that renames the old form of a type."""
    word = "DOMAIN" if kind == "domain" else "TYPE"
    return f"ALTER {word} {name} RENAME TO {split_last(old_name(name))[1]}"


def drop_old(kind: str, name: str) -> str:
    """Return the statement that drops the old form of a type."""
    return f"DROP {'DOMAIN' if kind == 'domain' else 'TYPE'} {old_name(name)}"


def move(draft: Draft, column: str) -> list[str]:
    """Return the statement that gives a column the new form of its type. A value that it lacks is refused."""
    live = draft.live["column", column]
    if live.get("inherited"):
        return []
    table, own = split_last(column)
    new = live["type"]
    array = "[]" if new.endswith("[]") else ""
    plain = ("domain", new.removesuffix("[]")) in draft.live
    through = "" if plain and not array else f"::text{array}"
    return [f"ALTER TABLE {table} ALTER COLUMN {own} TYPE {new} USING {own}{through}::{new}"]
