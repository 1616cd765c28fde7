"""Expressions as PostgreSQL writes them once it has read back what it wrote.

Two things do not survive the first round through a dump, as measured on 14 to 18: ``a BETWEEN 1 AND 5 AND b`` is
``(((a >= 1) AND (a <= 5)) AND b)`` at first and one list afterwards, and ``c IN ('x', 'y')`` of a varchar is a cast of
an array at first and an array of casts afterwards. A restored database has the same schema, so it has to be told alike.
"""

from __future__ import annotations

from functools import lru_cache

from wish_rollout.postgres.expressions.array_casts import spread
from wish_rollout.postgres.expressions.expression_tokens import Group, Items, parsed, text_of
from wish_rollout.postgres.queries import FLAT

_LISTS = frozenset({"AND", "OR"})
_NO_LIST = frozenset({"SELECT", "WITH", "VALUES", "BETWEEN"})


@lru_cache(maxsize=4096)  # many tables have the same checks, and the other database has them too
def normalize_expression(text: str, *, everywhere: bool = False) -> str:
    """Give an expression, or what has some in it, in the form that another reading does not change.

    ``everywhere``: a list in a list of its kind loses its parentheses wherever it stands, and not only in front.
    """
    flat, text = text.startswith(FLAT), text.removeprefix(FLAT)
    lists = "((" in text or everywhere
    if not (lists and (" AND " in text or " OR " in text)) and "])::" not in text:
        return text
    return text_of(_settle(parsed(text), flat=flat, everywhere=everywhere))


def _settle(items: Items, *, flat: bool, everywhere: bool) -> Items:
    for item in items:
        if isinstance(item, Group):
            inside = _settle(item.items, flat=flat, everywhere=everywhere)
            item.items = _flattened(inside, everywhere=everywhere)
    return spread(items, flat=flat)


def _flattened(items: Items, *, everywhere: bool) -> Items:
    """Take the parentheses off a list of AND (or OR) in another such list."""
    place = 0
    while place < len(items):
        item = items[place]
        if isinstance(item, Group) and _goes_on(items, place, item):
            items = [*items[:place], *item.items, *items[place + 1 :]]
        elif everywhere:
            place += 1
        else:
            break
    return items


def _goes_on(items: Items, place: int, inner: Group) -> bool:
    """Tell whether a group is a list of the word that stands at its sides, and of no other."""
    sides = [*items[max(place - 2, 0) : max(place - 1, 0)], *items[place + 2 : place + 3]]
    words = {item for item in inner.items if isinstance(item, str)}
    if inner.opening != "(" or not sides or any(side != sides[0] for side in sides):
        return False
    return [sides[0]] == [*(_LISTS & words)] and _NO_LIST.isdisjoint(words)
