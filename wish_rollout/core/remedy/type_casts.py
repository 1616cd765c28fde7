"""From one column type to another: which cast there is, and whether it can lose something without an error.

The casts are those of pg_cast in PostgreSQL 14 to 18, with the conversions to and from text (manual, CREATE CAST).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key

Path = Literal["assignment", "explicit", "text", ""]
"""How values get there: by assignment, by a cast that is written out, by way of text, or not at all."""

STRINGS = re.compile(r"(text|character varying|character|name)(\(\d+\))?")
INTEGERS = ("smallint", "integer", "bigint")
_NUMBERS = (*INTEGERS, "numeric", "real", "double precision")
_TIMESTAMPS = ("timestamp without time zone", "timestamp with time zone")
_TIMES = ("time without time zone", "time with time zone")
_OID_ALIASES = (
    *("regclass", "regcollation", "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator"),
    *("regproc", "regprocedure", "regrole", "regtype"),
)
"""Manual, 8.19 Object Identifier Types."""
_MODIFIER = re.compile(r" ?\([\d,]+\)")

_ASSIGNMENT: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_NUMBERS, _NUMBERS),
    **dict.fromkeys(_OID_ALIASES, ("bigint", "integer", "oid")),
    "bigint": (*_NUMBERS, "oid", "money", *_OID_ALIASES),
    "integer": (*_NUMBERS, "oid", "money", *_OID_ALIASES),
    "numeric": (*_NUMBERS, "money"),
    "smallint": (*_NUMBERS, "oid", *_OID_ALIASES),
    "money": ("numeric",),
    "oid": ("bigint", "integer", *_OID_ALIASES),
    "regoper": ("bigint", "integer", "oid", "regoperator"),
    "regoperator": ("bigint", "integer", "oid", "regoper"),
    "regproc": ("bigint", "integer", "oid", "regprocedure"),
    "regprocedure": ("bigint", "integer", "oid", "regproc"),
    "bit": ("bit varying",),
    "bit varying": ("bit",),
    "cidr": ("inet",),
    "inet": ("cidr",),
    "date": _TIMESTAMPS,
    "interval": ("time without time zone",),
    "json": ("jsonb",),
    "jsonb": ("json",),
    "macaddr": ("macaddr8",),
    "macaddr8": ("macaddr",),
    "time without time zone": ("interval", "time with time zone"),
    "time with time zone": ("time without time zone",),
    "timestamp without time zone": ("date", "time without time zone", "timestamp with time zone"),
    "timestamp with time zone": ("date", *_TIMES, "timestamp without time zone"),
    "box": ("polygon",),
    "path": ("polygon",),
    "point": ("box",),
    "polygon": ("path",),
}
_EXPLICIT: Mapping[str, tuple[str, ...]] = {
    "bigint": ("bit",),
    "integer": ("bit", "boolean", '"char"'),
    '"char"': ("integer",),
    "bit": ("bigint", "integer"),
    "boolean": ("integer",),
    "jsonb": (*_NUMBERS, "boolean"),
    "box": ("circle", "lseg", "point"),
    "circle": ("box", "point", "polygon"),
    "lseg": ("point",),
    "polygon": ("box", "circle", "point"),
    "xid8": ("xid",),
    "int4range": ("int4multirange",),
    "int8range": ("int8multirange",),
    "numrange": ("nummultirange",),
    "daterange": ("datemultirange",),
    "tsrange": ("tsmultirange",),
    "tstzrange": ("tstzmultirange",),
}
_BYTES_SINCE_18 = INTEGERS
_KEEPS: Mapping[str, tuple[str, ...]] = {
    "smallint": (*_NUMBERS, "oid", "money"),
    "integer": (*INTEGERS, "numeric", "double precision", "oid", "money"),
    "bigint": (*INTEGERS, "numeric", "oid", "money"),
    "oid": ("bigint", *_OID_ALIASES),
    **dict.fromkeys(_OID_ALIASES, ("bigint", "oid")),
    "boolean": ("integer",),
    "real": ("double precision",),
    "date": _TIMESTAMPS,
    "timestamp without time zone": ("timestamp with time zone",),
    "timestamp with time zone": ("timestamp without time zone",),
    "time without time zone": ("interval", "time with time zone"),
    "cidr": ("inet",),
    "jsonb": ("json",),
    "macaddr": ("macaddr8",),
    "bit": ("bit varying",),
    **{name: targets for name, targets in _EXPLICIT.items() if name.endswith("range")},
}
"""Conversions that keep each value, or raise an error for one that does not fit."""
_FROM_TEXT = (*INTEGERS, "numeric", "uuid", "boolean", "bytea", "json", "inet", "cidr", "oid", "xml")


def cast_path(  # noqa: PLR0911 - one return for each way
    objects: Mapping[Key, Properties], before: str, after: str, major: int = 18
) -> Path:
    """Return how a column gets from one type to another; ``objects`` has the domains, enums and casts."""
    if before.endswith("[]") and after.endswith("[]"):
        return cast_path(objects, before.removesuffix("[]"), after.removesuffix("[]"), major)
    made = _made_cast(objects, before, after)
    if made:
        return made
    old, new = (_plain(_base_type(objects, each)) for each in (before, after))
    if old == new or STRINGS.fullmatch(new):
        return "assignment"
    if STRINGS.fullmatch(old):
        return "explicit"
    if before.endswith("[]") or after.endswith("[]"):
        return ""
    if new in _ASSIGNMENT.get(old, ()):
        return "assignment"
    if new in _EXPLICIT.get(old, ()) or (major >= 18 and _is_bytes(old, new)):
        return "explicit"
    return "text" if ("enum", old) in objects and ("enum", new) in objects else ""


def _is_bytes(old: str, new: str) -> bool:
    return "bytea" in {old, new} and bool({old, new} & set(_BYTES_SINCE_18))


def _made_cast(objects: Mapping[Key, Properties], before: str, after: str) -> Path:
    """Return the path by a cast that CREATE CAST made."""
    made = objects.get(("cast", f"({_plain(before)} AS {_plain(after)})"))
    if made is None:
        return ""
    return "assignment" if made.get("context") else "explicit"


def _base_type(objects: Mapping[Key, Properties], name: str) -> str:
    while (domain := objects.get(("domain", name))) is not None:
        name = str(domain["type"])
    return name


def _plain(type_name: str) -> str:
    """Return a type's name without its modifiers."""
    plain = _MODIFIER.sub("", type_name)
    return "interval" if plain.startswith("interval ") else plain


def may_lose(before: str, after: str) -> bool:  # noqa: PLR0911 - one return for each kind of type
    """Return whether values of one type may be shortened or rounded without an error by the cast to another."""
    if before.endswith("[]") and after.endswith("[]"):
        return may_lose(before.removesuffix("[]"), after.removesuffix("[]"))
    old, new = _plain(before), _plain(after)
    if new in {"name", '"char"'}:
        return old != new
    if STRINGS.fullmatch(after):
        return False
    if old == new:
        return _size(after) < _size(before)
    if STRINGS.fullmatch(before):
        return not (new in _FROM_TEXT and _size(after) == _WITHOUT) and "." not in new
    if new in _KEEPS.get(old, ()):
        return old not in INTEGERS and _size(after) < _WITHOUT
    return "." not in old or "." not in new


_WITHOUT = (float("inf"), float("inf"))


def _size(type_name: str) -> tuple[float, ...]:
    found = re.search(r"\(([\d,]+)\)", type_name)
    return tuple(float(part) for part in found[1].split(",")) if found else _WITHOUT


def loses_values(
    live: Mapping[Key, Properties], target: Mapping[Key, Properties], before: str, after: str
) -> bool:
    """Return whether a column's values can be lost between two types that may be domains."""
    return may_lose(_base_type(live, before), _base_type(target, after))


__all__ = ["INTEGERS", "STRINGS", "Path", "cast_path", "loses_values", "may_lose"]
