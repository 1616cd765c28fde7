"""Writes expressions in the form that PostgreSQL produces after a dump and restore.

Two kinds of expression have another text after the first dump and restore (measured on PostgreSQL 14 to 18).
``a BETWEEN 1 AND 5 AND b`` is ``(((a >= 1) AND (a <= 5)) AND b)`` first, and one list of AND afterwards.
``c IN ('x', 'y')`` on a varchar column is a cast of an array first, and an array of casts afterwards.
A restored database has the same schema, so both texts have to be normalized to the same text.
"""

from __future__ import annotations

from functools import lru_cache

from wish_rollout.postgres.expressions.array_casts import distribute_array_casts
from wish_rollout.postgres.expressions.expression_tokens import Group, Items, parse_tokens, text_of
from wish_rollout.postgres.queries import FLAT

_OPERATORS = frozenset({"AND", "OR"})
_NOT_IN_LIST = frozenset({"SELECT", "WITH", "VALUES", "BETWEEN"})


@lru_cache(maxsize=4096)  # many tables have the same checks, and so has the database that is compared
def normalize_expression(text: str, *, everywhere: bool = False) -> str:
    """Return an expression, or a definition that contains expressions, in the form that a restore does not change.

    ``everywhere``: remove the parentheses of a nested AND or OR list at any position, not only at the first one.
    """
    flat, text = text.startswith(FLAT), text.removeprefix(FLAT)
    has_nested_list = "((" in text or everywhere
    if not (has_nested_list and (" AND " in text or " OR " in text)) and "])::" not in text:
        return text
    return text_of(_normalize(parse_tokens(text), flat=flat, everywhere=everywhere))


def _normalize(items: Items, *, flat: bool, everywhere: bool) -> Items:
    for item in items:
        if isinstance(item, Group):
            inner = _normalize(item.items, flat=flat, everywhere=everywhere)
            item.items = _flatten_lists(inner, everywhere=everywhere)
    return distribute_array_casts(items, flat=flat)


def _flatten_lists(items: Items, *, everywhere: bool) -> Items:
    """Remove the parentheses of an AND (or OR) list inside another AND (or OR) list."""
    index = 0
    while index < len(items):
        item = items[index]
        if isinstance(item, Group) and _is_list_of_same_operator(items, index, item):
            items = [*items[:index], *item.items, *items[index + 1 :]]
        elif everywhere:
            index += 1
        else:
            break
    return items


def _is_list_of_same_operator(items: Items, index: int, inner: Group) -> bool:
    """Return whether a group is a list of the operator on both sides of it, and of no other operator."""
    neighbors = [*items[max(index - 2, 0) : max(index - 1, 0)], *items[index + 2 : index + 3]]
    tokens = {item for item in inner.items if isinstance(item, str)}
    if inner.opening != "(" or not neighbors or any(neighbor != neighbors[0] for neighbor in neighbors):
        return False
    return [neighbors[0]] == [*(_OPERATORS & tokens)] and _NOT_IN_LIST.isdisjoint(tokens)
