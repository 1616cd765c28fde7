"""Columns: added, altered, dropped. Manual, ALTER TABLE."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wish_rollout.core.names import split_last
from wish_rollout.core.remedy import sequences
from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.rights import column_privileges, own_sequence
from wish_rollout.core.remedy.words import bare, given, identifier, literal, options, settings

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.words import Properties, Props

_STRINGS = re.compile(r"(text|character varying|character|name)(\(\d+\))?")
_INTEGERS = ("smallint", "integer", "bigint")
_BESIDE = ("not null no inherit", "not null not valid", "not null comment", "not null constraint")
_USUAL_STORAGE = {"numeric": "MAIN", "inet": "MAIN", "cidr": "MAIN"}


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
        words.append(_identity(identity))
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


def _identity(identity: Properties) -> str:
    inside = sequences.parameters({**identity, "type": None}, {}, new=True)
    if "sequence" in identity:
        inside = f"SEQUENCE NAME {identity['sequence']} {inside}".strip()
    return f"GENERATED {identity['generated'].upper()} AS IDENTITY" + (f" ({inside})" if inside else "")


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
        for key in _BESIDE if not draft.target["column", name].get("not null") else ():
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
    if before.endswith("[]") != after.endswith("[]") and not _STRINGS.fullmatch(after):
        draft.gap("column", name, f"no cast leads from {before} to {after}")
        return []
    words = [f"ALTER COLUMN {column} TYPE {after}"]
    if "collation" in new:
        words[0] += f" COLLATE {new['collation']}"
    if not _by_assignment(before, after):
        words[0] += f" USING {column}::{after}"
    if "default" in old:
        words.insert(0, f"ALTER COLUMN {column} DROP DEFAULT")
    if "default" in new:
        words.append(f"ALTER COLUMN {column} SET DEFAULT {new['default']}")
    pairs.pop("default", None)
    return [f"ALTER TABLE {table} {', '.join(words)}"]


def _by_assignment(before: str, after: str) -> bool:
    """Whether values are taken over without a cast being written; one that does not fit is refused then."""
    return bool(_STRINGS.fullmatch(after)) or before in _INTEGERS or _base(before) == _base(after)


def _base(type_name: str) -> str:
    """Give a type's name without its modifiers."""
    return re.sub(r"\([\d,]+\)", "", type_name)


def may_lose(before: str, after: str) -> bool:
    """Whether values of one type may be shortened or rounded without an error on the way to another."""
    if _STRINGS.fullmatch(after) or before in _INTEGERS or _STRINGS.fullmatch(before):
        return False
    if _base(before) == _base(after):
        return _size(after) < _size(before)
    return after not in _WIDER.get(before, ())


_WIDER = {"real": ("double precision",), "date": ("timestamp without time zone", "timestamp with time zone")}


def _size(type_name: str) -> tuple[float, ...]:
    found = re.search(r"\(([\d,]+)\)", type_name)
    return tuple(float(part) for part in found[1].split(",")) if found else (float("inf"), float("inf"))


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


def beside(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Write what ADD COLUMN has no words for."""
    table, column = split_last(name)
    target = f"ALTER TABLE {table} ALTER COLUMN {column}"
    made: list[str] = []
    if "identity" in pairs:
        made += _identity_change(draft, name, *pairs.pop("identity"))
    if "storage" in pairs:
        after = pairs.pop("storage")[1]
        usual = _USUAL_STORAGE.get(draft.target["column", name]["type"].split("(")[0], "EXTENDED")
        made.append(f"{target} SET STORAGE {after.upper() if after else usual}")
    if "compression" in pairs:
        made.append(f"{target} SET COMPRESSION {pairs.pop('compression')[1] or 'default'}")
    if "statistics target" in pairs:
        after = pairs.pop("statistics target")[1]
        made.append(f"{target} SET STATISTICS {after if after is not None else -1}")
    if "column options" in pairs:
        made += settings(target, *pairs.pop("column options"))
    if "options" in pairs:
        made += options(target.replace("ALTER TABLE", "ALTER FOREIGN TABLE", 1), *pairs.pop("options"))
    return made + _not_null(draft, name, pairs) + _remarks(draft, name, pairs)


def _remarks(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    made = []
    if "comment" in pairs:
        after = pairs.pop("comment")[1]
        made.append(f"COMMENT ON COLUMN {name} IS {literal(after) if after else 'NULL'}")
    return made + column_privileges(draft, name, pairs)


def _not_null(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Write what a NOT NULL constraint has beside being one (18 and later)."""
    if not any(key in pairs for key in _BESIDE):
        return []
    table, column = split_last(name)
    new, old = draft.target["column", name], draft.live.get(("column", name), {})
    usual = f"{bare(split_last(table)[1])}_{bare(column)}_not_null"
    if new.get("not null not valid"):
        pairs.pop("not null", None)
        pairs.pop("not null not valid", None)
        named = identifier(pairs.pop("not null constraint", (None, None))[1] or usual)
        first = [f"ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL"] if old.get("not null") else []
        return [*first, f"ALTER TABLE {table} ADD CONSTRAINT {named} NOT NULL {column} NOT VALID"]
    made = []
    if "not null constraint" in pairs:
        before, after = pairs.pop("not null constraint")
        if old.get("not null"):
            pair = f"{identifier(before or usual)} TO {identifier(after or usual)}"
            made.append(f"ALTER TABLE {table} RENAME CONSTRAINT {pair}")
    named = identifier(new.get("not null constraint") or usual)
    if pairs.pop("not null not valid", (None, None))[0]:
        made.append(f"ALTER TABLE {table} VALIDATE CONSTRAINT {named}")
    if "not null no inherit" in pairs:
        after = pairs.pop("not null no inherit")[1]
        made.append(f"ALTER TABLE {table} ALTER CONSTRAINT {named} {'NO ' if after else ''}INHERIT")
    if "not null comment" in pairs:
        after = pairs.pop("not null comment")[1]
        made.append(f"COMMENT ON CONSTRAINT {named} ON {table} IS {literal(after) if after else 'NULL'}")
    return made


def _identity_change(draft: Draft, name: str, before: Any, after: Any) -> list[str]:
    table, column = split_last(name)
    target = f"ALTER TABLE {table} ALTER COLUMN {column}"
    if after is None:
        return [f"{target} DROP IDENTITY"]
    made = []
    named = own_sequence(table, column, after.get("sequence"))
    if "generated" in after and before is None:
        made.append(f"{target} ADD {_identity(after)}")
    elif before is not None:
        if before["generated"] != after["generated"]:
            made.append(f"{target} SET GENERATED {after['generated'].upper()}")
        old = own_sequence(table, column, before.get("sequence"))
        if old != named:
            made.append(f"ALTER SEQUENCE {old} RENAME TO {split_last(named)[1]}")
        made += sequences.altered(named, before, after)
    beside_it: Pairs = {
        key: ((before or {}).get(key), after.get(key))
        for key in ("comment", "privileges")
        if (before or {}).get(key) != after.get(key)
    }
    from wish_rollout.core.remedy.rights import finish

    return made + finish(draft, "sequence", named, beside_it)


def foreign_options(properties: Properties) -> str:
    """Write a foreign table's column options for its definition."""
    return f" OPTIONS ({given(properties)})"


WRITER = Writer(9, create, alter, rebuilds=False, loses_data=True)
