"""Columns: added and altered. Manual, ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.graph.schema_index import parents_of
from wish_rollout.core.remedy.sql_syntax import identifier
from wish_rollout.core.remedy.type_casts import INTEGERS, cast_path
from wish_rollout.core.remedy.writers.column_properties import NOT_NULLS, beside, chosen_name, identity_words
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.names_in_text import contains_identifier

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props
    from wish_rollout.core.schema.snapshot import Key


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
        if "privileges" in identity or "comment" in identity:
            left = {"sequence", "privileges", "comment"} & identity.keys()
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


def _with_parent(draft: Draft, name: str, properties: Props) -> list[str]:
    """Leave what ADD COLUMN on the parent brings; a table that is attached gets the column by itself."""
    table, own = split_last(name)
    whole = draft.target["table", table]
    if parents_of(whole) != parents_of(draft.live.get(("table", table), {})):
        added = [
            parent
            for parent in parents_of(whole)
            if ("column", f"{parent}.{own}") in draft.live or ("table", parent) not in draft.live
        ]
        if added:
            return [f"ALTER TABLE {table} ADD COLUMN {definition(draft, name, properties)}"]
    parents = [draft.target.get(("column", f"{parent}.{own}"), {}) for parent in parents_of(whole)]
    properties.pop("not null constraint", None)
    for key in list(properties):
        if key not in PASSED_OVER and any(parent.get(key) == properties[key] for parent in parents):
            del properties[key]
    if properties.pop("not null", None):
        return [f"ALTER TABLE {table} ALTER COLUMN {own} SET NOT NULL"]
    return []


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Alter a column in place."""
    pairs.pop("position", None)
    table, column = split_last(name)
    if any((of, table) in draft.target for of in ("view", "materialized view")):
        for key in ("type", "collation", "not null"):
            pairs.pop(key, None)
        return beside(draft, name, pairs)
    target = f"ALTER TABLE {table} ALTER COLUMN {column}"
    _leave_to_parent(draft, name, pairs)
    if "inherited" in pairs and _follows_parents(draft, name, pairs["inherited"][1]):
        del pairs["inherited"]
    made = _type(draft, name, pairs) + _expression(name, pairs)
    if "identity" in pairs and pairs["identity"][1] is None:
        made += beside(draft, name, {"identity": pairs.pop("identity")})
    if "not null" in pairs and not pairs.get("not null not valid", (None, None))[1]:
        made.append(f"{target} {'SET' if pairs.pop('not null')[1] else 'DROP'} NOT NULL")
        for key in NOT_NULLS if not draft.target["column", name].get("not null") else ():
            pairs.pop(key, None)
    return made + beside(draft, name, pairs)


def _follows_parents(draft: Draft, name: str, inherited: bool | None) -> bool:
    """Return whether a column becomes its table's own, or its parents', by what happens to the parents.

    ATTACH PARTITION makes a column the parent's; INHERIT leaves it the table's own as well. A column without a
    parent's is always the table's own.
    """
    table, own = split_last(name)
    if inherited:
        return "partition of" in draft.target.get(("table", table), {})
    parents = parents_of(draft.target.get(("table", table), {}))
    return not any(("column", f"{parent}.{own}") in draft.target for parent in parents)


def _leave_to_parent(draft: Draft, name: str, pairs: Pairs) -> None:
    """Remove what an inherited column gets when its parent's is altered."""
    table, column = split_last(name)
    for parent in parents_of(draft.target.get(("table", table), {})):
        old = draft.live.get(("column", f"{parent}.{column}"), {})
        new = draft.target.get(("column", f"{parent}.{column}"), {})
        for key in [key for key, pair in pairs.items() if pair == (old.get(key), new.get(key))]:
            if key not in PASSED_OVER:
                del pairs[key]


PASSED_OVER = frozenset({"comment", "privileges", "identity", "inherited", "position", "not null constraint"})
"""Properties that no statement on a parent's column changes in its children's."""


def _type(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Change type and collation."""
    if "type" not in pairs and "collation" not in pairs:
        return []
    table, column = split_last(name)
    old, new = draft.live["column", name], draft.target["column", name]
    pairs.pop("collation", None)
    if follows_type(draft, table):
        del pairs["type"]
        return []
    before, after = pairs.pop("type", (old["type"], new["type"]))
    path = cast_path({**draft.live, **draft.target}, before, after, draft.major)
    words = f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {after}"
    if "collation" in new:
        words += f" COLLATE {new['collation']}"
    array = "[]" if after.endswith("[]") else ""
    if path in {"explicit", "text"} and "generated" not in old:
        words += f" USING {column}{f'::text{array}' if path == 'text' else ''}::{after}"
    return [words]


def _expression(name: str, pairs: Pairs) -> list[str]:
    if "generated" not in pairs:
        return []
    table, column = split_last(name)
    _, after = pairs.pop("generated")
    if after is None:
        return [f"ALTER TABLE {table} ALTER COLUMN {column} DROP EXPRESSION"]
    return [f"ALTER TABLE {table} ALTER COLUMN {column} SET EXPRESSION AS ({after})"]


def reason_kept(draft: Draft, name: str, pairs: Pairs) -> str:
    """Return why a column cannot be changed like that; empty where it can."""
    if "type" not in pairs or "generated" in draft.live["column", name]:
        return ""
    table, own = split_last(name)
    if ("table", table) not in draft.live:
        return ""
    if contains_identifier({"key": draft.live["table", table].get("partition by", "")}, own):
        return "no statement changes the type of a column of the partition key"
    before, after = pairs["type"]
    if cast_path({**draft.live, **draft.target}, before, after, draft.major) == "":
        return f"no cast leads from {before} to {after}"
    return ""


def is_rebuilt(draft: Draft, name: str, pairs: Pairs) -> bool:
    """Return whether a generated column has to be dropped and added, because no statement alters it."""
    if "virtual" in pairs:
        return True
    if "generated" not in pairs:
        return False
    before, after = pairs["generated"]
    if before is None or (after is None and draft.live["column", name].get("virtual")):
        return True
    return after is not None and (draft.major < 17 or "type" in pairs or "collation" in pairs)


def can_be_rebuilt(draft: Draft, name: str) -> bool:
    """Return whether a column can be dropped and added without losing a value."""
    key = ("column", name)
    return "generated" in draft.live[key] and "generated" in draft.target.get(key, {})


def stops(draft: Draft, name: str, pairs: Pairs, other: Key) -> bool:
    """Return whether an object prevents ALTER COLUMN … TYPE (manual, ALTER TABLE); indexes are rebuilt by it."""
    if "type" not in pairs and "collation" not in pairs:
        return False
    live = draft.live[other]
    if other[0] == "column":
        return "generated" in live and split_last(other[1])[0] == split_last(name)[0]
    if other[0] == "constraint":
        return live["type"] == "foreign key" and not set(pairs.get("type", ())) <= set(INTEGERS)
    return other[0] in _STOPPING


_STOPPING = frozenset(
    {
        "view",
        "materialized view",
        "rule",
        "function",
        "procedure",
        "policy",
        "trigger",
        "publication",
        "default",
    }
)

WRITER = Writer(9, create, alter, rebuilds=False, stops=stops)
