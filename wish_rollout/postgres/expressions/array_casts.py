"""Rewrites the cast of an array as an array of casts, as PostgreSQL does when it parses ``ARRAY[…]::text[]``.

PostgreSQL applies the cast to each element, so the deparsed text differs after a dump and restore. The cast of an
element depends on the element's type: in ``ARRAY[a, b]::text[]``, ``a`` becomes ``a::text`` if it is a scalar, and
``a::text[]`` if it is an array. If the text does not show which it is, the array is left unchanged. Reporting two
equal schemas as different is a nuisance; reporting two different schemas as equal would hide drift.
"""

from __future__ import annotations

import re

from wish_rollout.postgres.expressions.expression_tokens import (
    Group,
    Items,
    array_cast_at,
    split_at_commas,
    split_cast,
    text_of,
)

_LITERAL = re.compile(r"\d.*|[EBX]?'.*'|true|false|NULL", re.DOTALL)
_TYPE_ALIASES = {"bpchar": "character"}
_SCALAR, _ARRAY, _UNKNOWN = "scalar", "array", "unknown"


def distribute_array_casts(items: Items, *, flat: bool) -> Items:
    """Return the tokens with each cast of an array written as an array of casts.

    ``flat``: the server's expression tree says that no array in this expression contains arrays.
    """
    index = 0
    while index < len(items):
        item = items[index]
        array = _constructed_array(item.items) if isinstance(item, Group) else None
        element_type, end = array_cast_at(items, index + 1)
        result = _cast_elements(array, element_type, flat=flat) if array and element_type else None
        if result is not None:
            items = [*items[:index], "ARRAY", result, *items[end:]]
        index += 1
    return items


def _constructed_array(items: Items) -> Group | None:
    """Return the elements of ``ARRAY[…]`` as one group; None for ``ARRAY(SELECT …)`` and anything else."""
    if len(items) != 2 or items[0] != "ARRAY":
        return None
    group = items[1]
    return group if isinstance(group, Group) and group.opening == "[" and group.items else None


def _cast_elements(array: Group, element_type: Items, *, flat: bool) -> Group | None:
    """Return the array with a cast of each element; None if it is unknown whether the elements are arrays."""
    elements = [_split_leading_space(part) for part in split_at_commas(array)]
    known = {_SCALAR} if flat else {_dimension_of(element) for _, element in elements} - {_UNKNOWN}
    if len(known) != 1:
        return None
    result: Items = []
    for space, element in elements:
        cast = _cast_element(space, element, element_type, flat=flat, nested=known == {_ARRAY})
        if cast is None:
            return None
        result += [*([",", " "] if result else []), *cast]
    return Group("[", result)


def _cast_element(
    space: Items, element: Items, element_type: Items, *, flat: bool, nested: bool
) -> Items | None:
    """Return the cast of one element. ``nested``: the elements are arrays.

    In an element that is itself an ``ARRAY[…]`` constructor, the cast is applied to the inner elements.
    """
    array = _constructed_array(element)
    if array is None:
        return _cast(space, element, [*element_type, Group("[")] if nested else element_type)
    result = _cast_elements(array, element_type, flat=flat)
    return None if result is None else ["ARRAY", result]


def _split_leading_space(element: Items) -> tuple[Items, Items]:
    """Return the white space that has to be kept before an element, and the element. CASE starts a new line."""
    if not isinstance(space := element[0], str) or not space.isspace():
        return [], element
    return ([space] if space != " " or element[1:2] == ["CASE"] else []), element[1:]


def _dimension_of(element: Items) -> str:
    """Return whether an element is a scalar or an array, if its text shows it.

    All elements of an array have the same type, so one element with a known dimension is sufficient.
    """
    if element[0] == "ARRAY":
        return _ARRAY
    operand, cast_type = split_cast(element)
    if cast_type:
        return _ARRAY if isinstance(cast_type[-1], Group) and cast_type[-1].opening == "[" else _SCALAR
    is_literal = isinstance(operand[0], str) and _LITERAL.fullmatch(operand[0])
    return _SCALAR if is_literal and len(element) == 1 else _UNKNOWN


def _cast(space: Items, element: Items, target_type: Items) -> Items:
    """Return a cast as PostgreSQL writes it: inside a COLLATE expression, not around it."""
    if isinstance(whole := element[0], Group) and len(element) == 1 and "COLLATE" in whole.items:
        collate = whole.items.index("COLLATE") - 1
        inner = _cast(space, whole.items[:collate], target_type)
        return [Group("(", [*inner, *whole.items[collate:]])]
    operand, cast_type = split_cast(element)
    if _adds_type_modifier(operand, cast_type, target_type):
        return [*operand, "::", *target_type]
    return [Group("(", [*space, *element]), "::", *target_type]


def _adds_type_modifier(operand: Items, cast_type: Items, target_type: Items) -> bool:
    """Return whether a cast only adds a modifier to a literal's type. PostgreSQL writes one cast then."""
    if len(operand) != 1 or not isinstance(literal := operand[0], str) or not _LITERAL.fullmatch(literal):
        return False
    unmodified = text_of(
        [item for item in target_type if not (isinstance(item, Group) and item.opening == "(")]
    )
    if unmodified == text_of(target_type):
        return False
    name = text_of(cast_type) or ("numeric" if literal[0].isdigit() and "." in literal else "integer")
    return _TYPE_ALIASES.get(name, name) == unmodified
