"""A cast of an array as an array of casts: what PostgreSQL makes of ``ARRAY[…]::text[]`` when it reads it.

It passes the cast on to the elements, so what it writes the next time is another text. Which cast an element gets
hangs on what it is: of ``ARRAY[a, b]::text[]``, ``a::text`` if that is a value, and ``a::text[]`` if it is an array
itself. Where that cannot be told the array stays as it is: two histories told apart are a nuisance, two meanings
told alike are drift that nobody sees.
"""

from __future__ import annotations

import re

from wish_rollout.postgres.expressions.expression_tokens import (
    Group,
    Items,
    cast_of,
    listed_in,
    text_of,
    type_of_array,
)

_LITERAL = re.compile(r"\d.*|[EBX]?'.*'|true|false|NULL", re.DOTALL)
_SAME = {"bpchar": "character"}
_VALUE, _ARRAY, _UNKNOWN = "a value", "an array", "unknown"


def spread(items: Items, *, flat: bool) -> Items:
    """Write casts of arrays as arrays of casts. ``flat``: no array here holds arrays, as the server has said."""
    place = 0
    while place < len(items):
        item = items[place]
        array = _constructed(item.items) if isinstance(item, Group) else None
        kind, end = type_of_array(items, place + 1)
        made = _spread_over(array, kind, flat=flat) if array and kind else None
        if made is not None:
            items = [*items[:place], "ARRAY", made, *items[end:]]
        place += 1
    return items


def _constructed(items: Items) -> Group | None:
    """Give the elements of ``ARRAY[…]``, as one group; nothing for ``ARRAY(SELECT …)`` and anything else."""
    if len(items) != 2 or items[0] != "ARRAY":
        return None
    group = items[1]
    return group if isinstance(group, Group) and group.opening == "[" and group.items else None


def _spread_over(array: Group, kind: Items, *, flat: bool) -> Group | None:
    """Cast each element; nothing if it is not known what they are."""
    elements = [_led(part) for part in listed_in(array)]
    known = {_VALUE} if flat else {_nature(element) for _, element in elements} - {_UNKNOWN}
    if len(known) != 1:
        return None
    made: Items = []
    for lead, element in elements:
        cast = _passed_on(lead, element, kind, flat=flat, inside=known == {_ARRAY})
        if cast is None:
            return None
        made += [*([",", " "] if made else []), *cast]
    return Group("[", made)


def _passed_on(lead: Items, element: Items, kind: Items, *, flat: bool, inside: bool) -> Items | None:
    """Cast one element; one that is itself written as an array passes the cast on. ``inside``: all are arrays."""
    array = _constructed(element)
    if array is None:
        return _cast(lead, element, [*kind, Group("[")] if inside else kind)
    made = _spread_over(array, kind, flat=flat)
    return None if made is None else ["ARRAY", made]


def _led(element: Items) -> tuple[Items, Items]:
    """Give the white space that belongs to an element, and the element. CASE begins a line of its own."""
    if not isinstance(space := element[0], str) or not space.isspace():
        return [], element
    return ([space] if space != " " or element[1:2] == ["CASE"] else []), element[1:]


def _nature(element: Items) -> str:
    """Tell what an element is, if its text does. All elements of an array are of one type."""
    if element[0] == "ARRAY":
        return _ARRAY
    operand, kind = cast_of(element)
    if kind:
        return _ARRAY if isinstance(kind[-1], Group) and kind[-1].opening == "[" else _VALUE
    literal = isinstance(operand[0], str) and _LITERAL.fullmatch(operand[0])
    return _VALUE if literal and len(element) == 1 else _UNKNOWN


def _cast(lead: Items, element: Items, kind: Items) -> Items:
    """Write a cast as PostgreSQL does: inside of a COLLATE."""
    if isinstance(whole := element[0], Group) and len(element) == 1 and "COLLATE" in whole.items:
        place = whole.items.index("COLLATE") - 1
        inner = _cast(lead, whole.items[:place], kind)
        return [Group("(", [*inner, *whole.items[place:]])]
    operand, own = cast_of(element)
    if _narrows(operand, own, kind):
        return [*operand, "::", *kind]
    return [Group("(", [*lead, *element]), "::", *kind]


def _narrows(operand: Items, own: Items, kind: Items) -> bool:
    """Tell whether a literal's own type gets a modifier; such a literal is written with one cast."""
    if len(operand) != 1 or not isinstance(literal := operand[0], str) or not _LITERAL.fullmatch(literal):
        return False
    plain = text_of([item for item in kind if not (isinstance(item, Group) and item.opening == "(")])
    if plain == text_of(kind):
        return False
    name = text_of(own) or ("numeric" if literal[0].isdigit() and "." in literal else "integer")
    return _SAME.get(name, name) == plain
