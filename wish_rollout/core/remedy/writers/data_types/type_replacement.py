"""Replacing a type that columns have: the old one is renamed, and dropped after each column has the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.sql_syntax import identifier
from wish_rollout.core.remedy.type_casts import cast_path, loses_values
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.names_in_text import contains_identifier
from wish_rollout.core.text.sql_tokens import unquote_identifier

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.schema.snapshot import Key

_REPLACEABLE = frozenset({"enum", "domain", "composite type", "range type"})


def can_move(draft: Draft, column: Key, type_key: Key) -> bool:
    """Return whether a column can be given the new form of its type: that type, its multirange, or an array of it."""
    if column[0] != "column" or type_key[0] not in _REPLACEABLE or type_key not in draft.target:
        return False
    table, own = split_last(column[1])
    live, target = draft.live[column], draft.target.get(column)
    if target is None or ("table", table) not in draft.live or "generated" in live:
        return False
    if contains_identifier(draft.live["table", table].get("partition by", ""), own):
        return False
    type_name = str(live["type"])
    if type_key[0] == "composite type":
        return type_name == target["type"] == type_key[1] and _row(draft, own, type_key[1]) != ""
    names = {type_key[1], draft.live[type_key].get("multirange")}
    is_kept = draft.target[type_key].get("multirange") in names
    return type_name == target["type"] and type_name.removesuffix("[]") in names and is_kept


def _row(draft: Draft, column: str, type_name: str) -> str:
    """Return the new row made of the attributes of the old one; empty where an attribute has no cast."""
    old, new = (
        {each["name"]: each["type"] for each in objects["composite type", type_name].get("attributes") or ()}
        for objects in (draft.live, draft.target)
    )
    values = []
    for own, wanted in new.items():
        path = (
            cast_path({**draft.live, **draft.target}, old[own], wanted, draft.major) if own in old else "new"
        )
        if path == "":
            return ""
        through = "::text" if path == "text" else ""
        values.append("NULL" if path == "new" else f"({column}).{own}{through}::{wanted}")
    return f"CASE WHEN {column} IS DISTINCT FROM NULL THEN ROW({', '.join(values)})::{type_name} END"


def loses(draft: Draft, column: str) -> bool:
    """Return whether the new form of a column's type can shorten or round its values, or lacks an attribute."""
    name = str(draft.live["column", column]["type"]).removesuffix("[]")
    for (kind, own), old_range in draft.live.items():
        if kind == "range type" and name in {own, old_range.get("multirange")}:
            new_range = draft.target.get((kind, own), old_range)
            return loses_values(draft.live, draft.target, old_range["subtype"], new_range["subtype"])
    for key in (("domain", name), ("composite type", name)):
        if key in draft.live and key in draft.target:
            if key[0] == "domain":
                return loses_values(draft.live, draft.target, name, name)
            old, new = (
                {each["name"]: each["type"] for each in objects[key].get("attributes") or ()}
                for objects in (draft.live, draft.target)
            )
            return any(
                own not in new or loses_values(draft.live, draft.target, kind, new[own])
                for own, kind in old.items()
            )
    return False


def old_name(name: str) -> str:
    """Return the name that the old form of a type has meanwhile."""
    schema, own = split_last(name)
    return f"{schema}.{identifier(f'{unquote_identifier(own)[:50]}__before')}"


def set_aside(draft: Draft, kind: str, name: str) -> list[str]:
    """Return the statements that rename the old form of a type, and what CREATE TYPE … AS RANGE makes with it."""
    word = "DOMAIN" if kind == "domain" else "TYPE"
    new = split_last(old_name(name))[1]
    made = [f"ALTER {word} {name} RENAME TO {new}"]
    if kind == "range type":
        live = draft.live[kind, name]
        bounds, many = f"{live['subtype']}, {live['subtype']}", live["multirange"]
        new_many = split_last(old_name(many))[1]
        made += [f"ALTER TYPE {many} RENAME TO {new_many}", f"ALTER FUNCTION {many}() RENAME TO {new_many}"]
        made += [f"ALTER FUNCTION {name}({each}) RENAME TO {new}" for each in (bounds, f"{bounds}, text")]
    return made


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
    name = new.removesuffix("[]")
    if ("composite type", name) in draft.live:
        using = _row(draft, own, name)
    else:
        domain = draft.live.get(("domain", name))
        directly = domain is not None and "." not in domain["type"] and not new.endswith("[]")
        using = f"{own}{'' if directly else '::text' + new[len(name) :]}::{new}"
    return [f"ALTER TABLE {table} ALTER COLUMN {own} TYPE {new} USING {using}"]
