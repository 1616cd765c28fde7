"""Queries of views that PostgreSQL prints so that it reads them in another way (pg_get_viewdef in ruleutils.c)."""

from __future__ import annotations

import re

from wish_rollout.core.schema.names_in_text import PART

_LITERAL = re.compile(r"'(?:[^']|'')*'")
_ON_TRUE = re.compile(r"\bON TRUE\b")
_VALUES = ') "*VALUES*"'
_ORDER_BY = re.compile(r".*\bORDER BY\s+(.*)", re.DOTALL)
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[^\W\d][\w$]*|\s+|.", re.DOTALL)
_CONSTANT = re.compile(r"(?:'(?:[^']|'')*'|NULL)::[^()]+(?:\([\d,]+\))?(?:\[\])*")
_AFTER_LIST = frozenset(
    {"FROM", "WHERE", "UNION", "INTERSECT", "EXCEPT", "GROUP", "ORDER", "LIMIT", "OFFSET", ")", ",", ""}
)
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


def with_column_names(definition: str) -> str:
    """Return a query in which constants without a name keep having none: read again, they are called as their type.

    PostgreSQL prints no names in the queries after UNION and the like, where nothing refers to them.
    """
    made: list[str] = []
    starts: list[int | None] = [None]  # where the item of a list of SELECT begins, for each open parenthesis
    for part in [*_TOKEN.findall(definition), ""]:
        start = starts[-1]
        if start is not None and part in _AFTER_LIST:
            item = "".join(made[start:])
            if " AS " not in item and _CONSTANT.fullmatch(item.strip()):
                made[start:] = [item.rstrip(), ' AS "?column?"', item[len(item.rstrip()) :]]
            starts[-1] = None
        made.append(part)
        if part in {"(", "["}:
            starts.append(None)
        elif part in {")", "]"} and len(starts) > 1:
            starts.pop()
        elif part == "SELECT" or (part == "," and start is not None):
            starts[-1] = len(made)
    return "".join(made)
