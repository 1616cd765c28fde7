"""Expressions as PostgreSQL writes them once it has read back what it wrote.

Two things do not survive the first round through a dump, as measured on 14 to 18: ``a BETWEEN 1 AND 5 AND b`` is
``(((a >= 1) AND (a <= 5)) AND b)`` at first and one list afterwards, and ``c IN ('x', 'y')`` of a varchar is a cast of
an array at first and an array of casts afterwards. A restored database has the same schema, so it has to be told alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

_TOKEN = re.compile(
    r"""[EBXU]?&?'(?:[^'\\]|''|\\.)*'      # a literal
      | "(?:[^"]|"")*" | [^\W\d][\w$]* | \d[\w.]* | \s+ | :: | .""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_CLOSE = {"(": ")", "[": "]"}
_TYPE = re.compile(r'[\w$. ]+|".*"', re.DOTALL)
_SIMPLE = re.compile(r"""[\w$.]+|E?'(?:[^'\\]|''|\\.)*'(?:::[\w$. ]+)?|"[^"]*\"""", re.DOTALL)
_NO_LIST = frozenset({"SELECT", "WITH", "VALUES", "BETWEEN"})


@dataclass
class _Group:
    """What stands between two brackets."""

    opening: str
    items: list[str | _Group] = field(default_factory=list)

    def __str__(self) -> str:
        return self.opening + _text(self.items) + _CLOSE[self.opening]


Items = list["str | _Group"]


@lru_cache(maxsize=4096)  # many tables have the same checks, and the other database has them too
def settled(text: str) -> str:
    """Give an expression, or what has some in it, in the form that another reading does not change."""
    lists = "((" in text and (" AND " in text or " OR " in text)
    if not lists and "])::" not in text and "]::" not in text:
        return text
    return _text(_settle(_parse(text)))


def _text(items: Items) -> str:
    return "".join(map(str, items))


def _parse(text: str) -> Items:
    stack = [_Group("(")]
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in _CLOSE:
            stack.append(_Group(token))
        elif token == _CLOSE[stack[-1].opening] and len(stack) > 1:
            group = stack.pop()
            stack[-1].items.append(group)
        else:
            stack[-1].items.append(token)
    while len(stack) > 1:  # brackets that do not match: the text stays as it is
        group = stack.pop()
        stack[-1].items += [group.opening, *group.items]
    return stack[0].items


def _settle(items: Items) -> Items:
    for item in items:
        if isinstance(item, _Group):
            item.items = _flat(_settle(item.items))
    return _spread(items)


def _flat(items: Items) -> Items:
    """Take the parentheses off a list of AND (or OR) that begins another such list, and has nothing else in it."""
    while len(items) > 2 and isinstance(first := items[0], _Group) and first.opening == "(":
        words = {item for item in first.items if isinstance(item, str)}
        if {"AND", "OR"} & words != {items[2]} or not _NO_LIST.isdisjoint(words):
            break
        items = [*first.items, *items[1:]]
    return items


def _spread(items: Items) -> Items:
    """Write a cast of an array as an array of casts."""
    made: Items = []
    place = 0
    while place < len(items):
        item = items[place]
        bare = item == "ARRAY"  # as in extended statistics, which are written without needless parentheses
        array, cast = (items[place + 1 : place + 2], place + 2) if bare else (_wrapped(item), place + 1)
        kind, end = _element_type(items, cast)
        elements = _elements(array)
        if kind is None or not any(map(_is_scalar, elements)):
            made.append(item)
            place += 1
            continue
        casts = [_cast(_text(element).strip(), kind, bare=bare) for element in elements]
        made += ["ARRAY", _Group("[", [", ".join(casts)])]
        place = end
    return made


def _wrapped(item: str | _Group) -> Items:
    """Give the elements of ``(ARRAY[…])``, as one group; nothing for anything else."""
    if isinstance(item, _Group) and len(item.items) == 2 and item.items[0] == "ARRAY":
        return item.items[1:]
    return []


def _element_type(items: Items, place: int) -> tuple[str | None, int]:
    """Give the type of the elements if a cast to an array stands there, and where it ends."""
    if items[place : place + 1] != ["::"]:
        return None, place
    for end in range(place + 1, len(items)):
        after = items[end]
        if isinstance(after, _Group) and after.opening == "[":
            return (_text(items[place + 1 : end]), end + 1) if not after.items else (None, place)
        if isinstance(after, str) and not _TYPE.fullmatch(after):
            break
    return None, place


def _cast(element: str, kind: str, *, bare: bool) -> str:
    return f"{element}::{kind}" if bare and _SIMPLE.fullmatch(element) else f"({element})::{kind}"


def _elements(array: Items) -> list[Items]:
    """Give the elements of an array that is written out; none for anything else, as ``ARRAY(SELECT …)``."""
    if not array or not isinstance(group := array[0], _Group) or group.opening != "[":
        return []
    parts: list[Items] = [[]]
    for item in group.items:
        if item == ",":
            parts.append([])
        elif parts[-1] or not isinstance(item, str) or not item.isspace():
            parts[-1].append(item)
    return parts


def _is_scalar(element: Items) -> bool:
    """Whether an element is certainly no array, so that none beside it is one: a number, or cast to another type.

    Where no element is, a cast of the whole may go through to what is in them.
    """
    first, *cast = element or [""]
    if not cast:
        return isinstance(first, str) and first[:1].isdigit()
    return cast[0] == "::" and all(
        item.opening == "(" if isinstance(item, _Group) else item == "::" or bool(_TYPE.fullmatch(item))
        for item in cast
    )
