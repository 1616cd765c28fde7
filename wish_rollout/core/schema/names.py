"""Object names as a snapshot writes them: PostgreSQL's own quoting, parts joined by dots.

An identifier is quoted only where ``quote_ident`` would quote it (manual, "String Functions and Operators").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_IDENTIFIER = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_RELATION = re.compile(rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})?")
_LAST = re.compile(r'(.*)\.("(?:[^"]|"")*"|[^".]+)', re.DOTALL)

PARTS = ("column", "constraint", "trigger", "rule", "policy")
"""Kinds whose name is the name of the object that they belong to, a dot, and their own."""


def relation_names(names: Iterable[str]) -> list[str]:
    """Return those of ``names`` that can be the name of a relation: one or two identifiers, joined by a dot.

    ``to_regclass()`` returns null for a relation that does not exist. For text that is no relation's name at all,
    such as ``public.f(integer, integer)``, PostgreSQL 14 and 15 raise an error (invalid_name, 42602) instead.
    """
    return [name for name in names if _RELATION.fullmatch(name)]


def split_last(name: str) -> tuple[str, str]:
    """Give what a name's last part belongs to, and that part: ``public."a.b".c`` → ``public."a.b"``, ``c``.

    A name of one part belongs to nothing: the first is then empty.
    """
    match = _LAST.fullmatch(name)
    return (match[1], match[2]) if match else ("", name)


def split_first(name: str) -> str:
    """Give a name's first part, its schema: ``"a.b".t`` → ``"a.b"``."""
    first, rest = split_last(name)
    while first:
        first, rest = split_last(first)
    return rest


def whole_of(kind: str, name: str, properties: Mapping[str, Any]) -> str | None:
    """Name the table (or what else) that a part belongs to; None for what is whole by itself."""
    if kind in PARTS:
        return split_last(name)[0]
    return properties.get("table") if kind == "index" else None
