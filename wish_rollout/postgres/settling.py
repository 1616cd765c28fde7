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
_LISTS = frozenset({"AND", "OR"})
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
def settled(text: str, *, everywhere: bool = False) -> str:
    """Give an expression, or what has some in it, in the form that another reading does not change.

    ``everywhere``: a list in a list of its kind loses its parentheses wherever it stands, and not only in front.
    """
    lists = "((" in text or everywhere
    if not (lists and (" AND " in text or " OR " in text)) and "])::" not in text and "]::" not in text:
        return text
    return _text(_settle(_parse(text), everywhere=everywhere))


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


def _settle(items: Items, *, everywhere: bool) -> Items:
    for item in items:
        if isinstance(item, _Group):
            item.items = _flattened(_settle(item.items, everywhere=everywhere), everywhere=everywhere)
    return _spread(items)


def _flattened(items: Items, *, everywhere: bool) -> Items:
    """Take the parentheses off a list of AND (or OR) in another such list."""
    place = 0
    while place < len(items):
        item = items[place]
        if isinstance(item, _Group) and _goes_on(items, place, item):
            items = [*items[:place], *item.items, *items[place + 1 :]]
        elif everywhere:
            place += 1
        else:
            break
    return items


def _goes_on(items: Items, place: int, inner: _Group) -> bool:
    """Tell whether a group is a list of the word that stands at its sides, and of no other."""
    sides = [*items[max(place - 2, 0) : max(place - 1, 0)], *items[place + 2 : place + 3]]
    words = {item for item in inner.items if isinstance(item, str)}
    if inner.opening != "(" or not sides or any(side != sides[0] for side in sides):
        return False
    return [sides[0]] == [*(_LISTS & words)] and _NO_LIST.isdisjoint(words)


def _spread(items: Items) -> Items:
    """Write a cast of an array as an array of casts."""
    made: Items = []
    place = 0
    while place < len(items):
        item = items[place]
        bare = item == "ARRAY"  # as in extended statistics, which are written without needless parentheses
        array, cast = (items[place + 1 : place + 2], place + 2) if bare else (_wrapped(item), place + 1)
        kind, end = _element_type(items, cast)
        if kind is None or not array or not isinstance(array[0], _Group) or not array[0].items:
            made.append(item)
            place += 1
            continue
        parts = (
            part if count % 2 else _cast(part, kind, bare=bare) for count, part in enumerate(_parts(array[0]))
        )
        made += ["ARRAY", _Group("[", list(parts))]
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


def _parts(array: _Group) -> list[str]:
    """Give the elements of an array, and between them the commas."""
    parts: list[str] = [""]
    for item in array.items:
        if item == ",":
            parts += [", ", ""]
        else:
            parts[-1] += str(item)
    return [part if count % 2 else part.strip() for count, part in enumerate(parts)]
