"""Columns of CREATE TABLE and ADD COLUMN. Manual, CREATE TABLE, ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import parents_of, relation
from wish_rollout.core.remedy.sql_syntax import identifier
from wish_rollout.core.remedy.writers.columns import not_null_statements
from wish_rollout.core.remedy.writers.columns.not_null_names import chosen_name
from wish_rollout.core.remedy.writers.columns.properties import beside, identity_words
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props

PASSED_OVER = frozenset({"comment", "privileges", "identity", "inherited", "position", "not null constraint"})
"""Properties that no statement on a parent's column changes in its children's."""


def definition(draft: Draft, name: str, properties: Props) -> str:
    """Return a column for CREATE TABLE or ADD COLUMN; remove the properties that are written."""
    words = [split_last(name)[1], properties.pop("type")]
    if "collation" in properties:
        words.append(f"COLLATE {properties.pop('collation')}")
    if "compression" in properties:
        words.append(f"COMPRESSION {properties.pop('compression')}")
    if "generated" in properties:
        kind = "VIRTUAL" if properties.pop("virtual", None) else "STORED"
        words.append(f"GENERATED ALWAYS AS ({properties.pop('generated')}) {kind}")
    has_identity = "identity" in properties
    if has_identity:
        identity = properties.pop("identity")
        words.append(identity_words(identity))
        if {"privileges", "comment", "persistence"} & identity.keys():
            left = {"sequence", "privileges", "comment", "persistence"} & identity.keys()
            properties["identity"] = {key: identity[key] for key in left}
    if ("default", name) in draft.inlined:
        words.append(f"DEFAULT {draft.default(name)}")
    if properties.get("not null") and not properties.get("not null not valid"):
        if named := chosen_name(properties.pop("not null constraint", None)):
            words.append(f"CONSTRAINT {identifier(named)}")
        words.append("NOT NULL")
        if not has_identity and properties.pop("not null no inherit", None):
            words.append("NO INHERIT")  # an identity column is NOT NULL already, and says otherwise
        del properties["not null"]
    return " ".join(words)


def create(draft: Draft, name: str, properties: Props) -> list[str]:
    """Add a column to a table that exists, as its last one."""
    properties.pop("position", None)
    properties.pop("attribute number", None)
    table = split_last(name)[0]
    pairs: Pairs = {}
    if follows_type(draft, table):
        properties.pop("type")
        properties.pop("collation", None)
        made = []
    elif properties.pop("inherited", None):
        made = _with_parent(draft, name, properties)
    else:
        made = [f"ALTER TABLE {table} ADD COLUMN {definition(draft, name, properties)}"]
    for key in list(properties):
        pairs[key] = (None, properties.pop(key))
    made += beside(draft, name, pairs)
    properties.update({key: pair[1] for key, pair in pairs.items()})
    return made


def follows_type(draft: Draft, table: str) -> bool:
    """Return whether a table gets its columns by ALTER TYPE … CASCADE of the composite type that it is of."""
    live, target = (
        objects.get(("table", table), {}).get("of type") for objects in (draft.live, draft.target)
    )
    return live is not None and live == target and ("composite type", live) in draft.live


def _is_parent_created_again(draft: Draft, table: str) -> bool:
    above = relation(draft.target, table).get("partition of")
    keys = [
        objects.get(("table", str(above)), {}).get("partition by") for objects in (draft.live, draft.target)
    ]
    return keys[0] != keys[1] and ("table", str(above)) in draft.live


def is_attached_again(draft: Draft, table: str) -> bool:
    """Return whether a partition is separated from its table while the columns of that change."""
    bounds = [relation(objects, table).get("partition bound") for objects in (draft.live, draft.target)]
    return bounds[0] != bounds[1] or _is_parent_created_again(draft, table)


def _with_parent(draft: Draft, name: str, properties: Props) -> list[str]:
    """Leave what ADD COLUMN on the parent brings; a table that is attached gets the column by itself."""
    table, own = split_last(name)
    whole = relation(draft.target, table)
    if parents_of(whole) != parents_of(relation(draft.live, table)) or _is_parent_created_again(draft, table):
        added = [
            parent
            for parent in parents_of(whole)
            if ("column", f"{parent}.{own}") in draft.target
            and (
                ("column", f"{parent}.{own}") in draft.live
                or ("table", parent) not in draft.live
                or _is_parent_created_again(draft, table)
            )
        ]
        if added:
            if "partition of" not in whole:
                draft.gap("column", name, "INHERIT leaves it the table's own as well")
            return [f"ALTER TABLE {table} ADD COLUMN {definition(draft, name, properties)}"]
    parents = [draft.target.get(("column", f"{parent}.{own}"), {}) for parent in parents_of(whole)]
    for key in list(properties):
        if key not in PASSED_OVER and any(parent.get(key) == properties[key] for parent in parents):
            del properties[key]
    named = properties.pop("not null constraint", None)
    if properties.pop("not null", None):
        return [not_null_statements.add(draft, name, {})]
    if chosen_name(named) is not None:
        draft.gap("column", name, "its NOT NULL constraint gets the name of the parent's")
    return []
