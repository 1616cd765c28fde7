"""Object names in a snapshot: quoted as PostgreSQL does, with the parts joined by dots.

An identifier is quoted only if ``quote_ident`` quotes it (manual, "String Functions and Operators").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_IDENTIFIER = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_RELATION = re.compile(rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})?")
_LAST_PART = re.compile(r'(.*)\.("(?:[^"]|"")*"|[^".]+)', re.DOTALL)

PART_KINDS = ("column", "constraint", "trigger", "rule", "policy")
"""Kinds whose name is the parent object's name, a dot, and their own name."""


def relation_names(names: Iterable[str]) -> list[str]:
    """Return those of ``names`` that can be the name of a relation: one or two identifiers, joined by a dot.

    ``to_regclass()`` returns null for a relation that does not exist. For text that is no relation's name at all,
    such as ``public.f(integer, integer)``, PostgreSQL 14 and 15 raise an error (invalid_name, 42602) instead.
    """
    return [name for name in names if _RELATION.fullmatch(name)]


def split_last(name: str) -> tuple[str, str]:
    """Return a name without its last part, and the last part: ``public."a.b".c`` → ``public."a.b"``, ``c``.

    The first value is empty for a name of one part.
    """
    match = _LAST_PART.fullmatch(name)
    return (match[1], match[2]) if match else ("", name)


def schema_of(name: str) -> str:
    """Return a name's first part, its schema: ``"a.b".t`` → ``"a.b"``."""
    first, rest = split_last(name)
    while first:
        first, rest = split_last(first)
    return rest


def parent_object(kind: str, name: str, properties: Mapping[str, Any]) -> str | None:
    """Return the name of the table or other object that a part belongs to, or None for a whole object."""
    if kind in PART_KINDS:
        return split_last(name)[0]
    return properties.get("table") if kind == "index" else None
