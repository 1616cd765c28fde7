"""Queries of views that PostgreSQL prints so that it reads them in another way (pg_get_viewdef in ruleutils.c)."""

from __future__ import annotations

import re

from wish_rollout.core.schema.names_in_text import PART

_LITERAL = re.compile(r"'(?:[^']|'')*'")
_ON_TRUE = re.compile(r"\bON TRUE\b")
_VALUES = ') "*VALUES*"'
_ORDER_BY = re.compile(r".*\bORDER BY\s+(.*)", re.DOTALL)
_BARE = re.compile(rf"({PART})(?: (?:ASC|DESC|NULLS|USING)\b.*)?", re.DOTALL)


def other_meaning(definition: str) -> str:
    """Return why a query that is read again gives another text or order; empty if it does not.

    A NATURAL JOIN without common columns is printed as ON TRUE, which is a condition when it is read. A column in
    ORDER BY is printed with its own name, which means a column of the result if one has the same name.
    """
    text = _LITERAL.sub("''", definition)
    if _ON_TRUE.search(text):
        return "PostgreSQL prints a NATURAL JOIN without common columns as ON TRUE, which it stores in another way"
    if _VALUES in text:
        return "PostgreSQL prints renamed columns of VALUES with a name of their own, which it stores in another way"
    found = _ORDER_BY.fullmatch(text)
    for item in found[1].rstrip("; ").split(", ") if found else ():
        bare = _BARE.fullmatch(item)
        if bare and re.search(rf" AS {re.escape(bare[1])}(?=[,\s])", text):
            return f"in its ORDER BY, PostgreSQL prints {bare[1]}, which is also the name of another column of the result"
    return ""
