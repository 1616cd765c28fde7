"""How SQL calls the kinds of a snapshot, and how it quotes.

Names of objects come quoted from a snapshot. Only roles and texts are quoted here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wish_rollout.core.schema.names import PART_KINDS, split_last

Props = dict[str, Any]
Properties = Mapping[str, Any]

_TYPES = {"enum", "composite type", "range type", "base type"}
_RELATIONS = {"table", "view", "materialized view", "foreign table"}


def word(kind: str) -> str:
    """Return the words that stand for a kind in CREATE, ALTER, DROP and COMMENT ON."""
    if kind in _TYPES:
        return "TYPE"
    return "ROUTINE" if kind == "aggregate" else kind.upper()


def granted(kind: str) -> str:
    """Return the words that stand for a kind in GRANT (manual, GRANT)."""
    if kind in _RELATIONS:
        return "TABLE"
    if kind in {"aggregate", "function"}:
        return "FUNCTION"
    return "FOREIGN SERVER" if kind == "server" else word(kind)


def spelled(kind: str, name: str, *, domain: bool = False) -> str:
    """Name an object as COMMENT ON and DROP do: ``TRIGGER g ON public.t``. ``domain``: the constraint is of one."""
    if kind in PART_KINDS and kind != "column":
        whole, own = split_last(name)
        return f"{word(kind)} {own} ON {'DOMAIN ' if domain else ''}{whole}"
    return f"{word(kind)} {name}"


def literal(text: str) -> str:
    """Quote a text (manual, 4.1.2.1 String Constants; standard_conforming_strings is on by default)."""
    return "'" + text.replace("'", "''") + "'"


def dollar(text: str) -> str:
    """Quote a routine's body with dollars, by a tag that does not occur in it (manual, 4.1.2.4)."""
    tag, number = "$body$", 0
    while tag in text:
        number += 1
        tag = f"$body{number}$"
    return f"{tag}{text}{tag}"


def identifier(name: str) -> str:
    """Quote a plain name; one that needs no quotes gets them as well, which means the same."""
    return '"' + name.replace('"', '""') + '"'


def given(options: Properties) -> str:
    """Write options for WITH (…) or SET (…)."""
    return ", ".join(f"{_option(name)} = {literal(str(value))}" for name, value in options.items())


def _option(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][\w.]*", name) else identifier(name)


def with_toast(properties: Props) -> Props:
    """Take the storage parameters of a relation and of its TOAST table out of its properties, for WITH (…)."""
    stored = properties.pop("storage parameters", {})
    toast = properties.pop("toast storage parameters", {})
    return {**stored, **{f"toast.{key}": value for key, value in toast.items()}}


def settings(target: str, before: Properties | None, after: Properties | None, prefix: str = "") -> list[str]:
    """Return the statements that set and reset storage parameters. ``target``: ``ALTER TABLE t``."""
    old, new = before or {}, after or {}
    gone = [f"{prefix}{name}" for name in old if name not in new]
    come = {f"{prefix}{name}": value for name, value in new.items() if old.get(name) != value}
    return [
        *([f"{target} RESET ({', '.join(gone)})"] if gone else []),
        *([f"{target} SET ({given(come)})"] if come else []),
    ]


def options(target: str, before: Properties | None, after: Properties | None) -> list[str]:
    """Return the statement that changes a foreign object's OPTIONS (manual, ALTER SERVER)."""
    old, new = before or {}, after or {}
    words = [f"DROP {identifier(name)}" for name in old if name not in new]
    words += [
        f"{'SET' if name in old else 'ADD'} {identifier(name)} {literal(value)}"
        for name, value in new.items()
        if old.get(name) != value
    ]
    return [f"{target} OPTIONS ({', '.join(words)})"] if words else []


def without_arguments(routine: str) -> str:
    """Return a routine's name without its argument types: ``public.f(integer)`` → ``public.f``."""
    return routine[: routine.rindex("(")] if routine.endswith(")") else routine


def operator_name(operator: str) -> str:
    """Return an operator as expressions name it: ``public.+(integer,integer)`` → ``OPERATOR(public.+)``."""
    name = operator[: operator.rindex("(")]
    return f"OPERATOR({name if '.' in name else f'pg_catalog.{name}'})"
