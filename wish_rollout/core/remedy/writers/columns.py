"""Columns: added, altered, dropped. Manual, ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.sql_syntax import identifier
from wish_rollout.core.remedy.type_casts import STRINGS, by_assignment
from wish_rollout.core.remedy.writers.column_properties import NOT_NULLS, beside, identity_words
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Properties, Props


def definition(name: str, properties: Props) -> str:
    """Write a column for CREATE TABLE or ADD COLUMN; take out what is written."""
    words = [split_last(name)[1], properties.pop("type")]
    if "collation" in properties:
        words.append(f"COLLATE {properties.pop('collation')}")
    if "compression" in properties:
        words.append(f"COMPRESSION {properties.pop('compression')}")
    if "generated" in properties:
        kind = "VIRTUAL" if properties.pop("virtual", None) else "STORED"
        words.append(f"GENERATED ALWAYS AS ({properties.pop('generated')}) {kind}")
    if "identity" in properties:
        identity = properties.pop("identity")
        words.append(identity_words(identity))
        if "privileges" in identity or "comment" in identity:
            left = {"sequence", "privileges", "comment"} & identity.keys()
            properties["identity"] = {key: identity[key] for key in left}
    if "default" in properties:
        words.append(f"DEFAULT {properties.pop('default')}")
    if properties.get("not null") and not properties.get("not null not valid"):
        if named := properties.pop("not null constraint", None):
            words.append(f"CONSTRAINT {identifier(named)}")
        words.append("NOT NULL" + (" NO INHERIT" if properties.pop("not null no inherit", None) else ""))
        del properties["not null"]
    return " ".join(words)


def create(draft: Draft, name: str, properties: Props) -> list[str]:
    """Add a column to a table that is there, as the last one."""
    properties.pop("position", None)
    properties.pop("attribute number", None)
    if _of_no_table(draft, name):
        properties.clear()  # it comes with its view
        return []
    if properties.pop("inherited", None):
        for key in [key for key in properties if key != "comment"]:
            del properties[key]
        return []  # it comes with its parent's
    table = split_last(name)[0]
    pairs: Pairs = {}
    text = definition(name, properties)
    for key in list(properties):
        pairs[key] = (None, properties.pop(key))
    made = [f"ALTER TABLE {table} ADD COLUMN {text}", *beside(draft, name, pairs)]
    properties.update({key: pair[1] for key, pair in pairs.items()})
    return made


def _of_no_table(draft: Draft, name: str) -> bool:
    whole = split_last(name)[0]
    return any((kind, whole) in draft.target for kind in ("view", "materialized view"))


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Alter a column where it stands."""
    pairs.pop("position", None)
    table, column = split_last(name)
    of_view = ("view", table) in draft.target
    target = f"ALTER {'VIEW' if of_view else 'TABLE'} {table} ALTER COLUMN {column}"
    _leave_to_parent(draft, name, pairs)
    if of_view:
        for key in ("type", "collation", "not null"):
            pairs.pop(key, None)
    if again := generated_anew(draft, name, pairs):
        return again
    made = _type(draft, name, pairs) + _expression(name, pairs)
    if "default" in pairs:
        after = pairs.pop("default")[1]
        made.append(f"{target} SET DEFAULT {after}" if after is not None else f"{target} DROP DEFAULT")
    if "not null" in pairs and not pairs.get("not null not valid", (None, None))[1]:
        made.append(f"{target} {'SET' if pairs.pop('not null')[1] else 'DROP'} NOT NULL")
        for key in NOT_NULLS if not draft.target["column", name].get("not null") else ():
            pairs.pop(key, None)
    return made + beside(draft, name, pairs)


def _leave_to_parent(draft: Draft, name: str, pairs: Pairs) -> None:
    """Take out what an inherited column gets when its parent's is altered."""
    table, column = split_last(name)
    own = draft.target.get(("table", table), {})
    parents = [*own.get("inherits", ()), *([own["partition of"]] if "partition of" in own else [])]
    for parent in parents:
        old = draft.live.get(("column", f"{parent}.{column}"), {})
        new = draft.target.get(("column", f"{parent}.{column}"), {})
        for key in [key for key, pair in pairs.items() if pair == (old.get(key), new.get(key))]:
            del pairs[key]


def _type(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Change type and collation, with the default out of the way for as long."""
    if "type" not in pairs and "collation" not in pairs:
        return []
    table, column = split_last(name)
    old, new = draft.live["column", name], draft.target["column", name]
    pairs.pop("collation", None)
    before, after = pairs.pop("type", (old["type"], new["type"]))
    if before.endswith("[]") != after.endswith("[]") and not STRINGS.fullmatch(after):
        draft.gap("column", name, f"no cast leads from {before} to {after}")
        return []
    words = [f"ALTER COLUMN {column} TYPE {after}"]
    if "collation" in new:
        words[0] += f" COLLATE {new['collation']}"
    if not by_assignment(before, after):
        words[0] += f" USING {column}::{after}"
    if "default" in old:
        words.insert(0, f"ALTER COLUMN {column} DROP DEFAULT")
    if "default" in new:
        words.append(f"ALTER COLUMN {column} SET DEFAULT {new['default']}")
    pairs.pop("default", None)
    return [f"ALTER TABLE {table} {', '.join(words)}"]


def _expression(name: str, pairs: Pairs) -> list[str]:
    if "generated" not in pairs:
        return []
    table, column = split_last(name)
    _, after = pairs.pop("generated")
    if after is None:
        return [f"ALTER TABLE {table} ALTER COLUMN {column} DROP EXPRESSION"]
    return [f"ALTER TABLE {table} ALTER COLUMN {column} SET EXPRESSION AS ({after})"]


def made_anew(draft: Draft, pairs: Pairs, live: Properties) -> bool:
    """Whether a generated column has to be dropped and added, since no statement alters it."""
    if "virtual" in pairs:
        return True
    before, after = pairs.get("generated", (None, None))
    if before == after:
        return False
    if before is None or (after is None and live.get("virtual")):
        return True
    return after is not None and draft.major < 17


def generated_anew(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Drop a generated column and add it, in one statement; its place is then the last."""
    if not made_anew(draft, pairs, draft.live["column", name]):
        return []
    table, column = split_last(name)
    properties = dict(draft.target["column", name])
    properties.pop("position", None)
    properties.pop("attribute number", None)
    text = definition(name, properties)
    pairs.clear()
    pairs.update({key: (None, value) for key, value in properties.items()})
    return [f"ALTER TABLE {table} DROP COLUMN {column}, ADD COLUMN {text}", *beside(draft, name, pairs)]


WRITER = Writer(9, create, alter, rebuilds=False, loses_data=True)
