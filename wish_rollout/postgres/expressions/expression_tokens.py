"""Deparsed text as tokens and brackets, so that a rule about expressions can say what it stands on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LITERAL = r"""(?:[eE]'(?:[^'\\]|''|\\.)*' | (?:[bBxX]|[uU]&)?'(?:[^']|'')*')"""
"""A literal as PostgreSQL writes it where standard_conforming_strings is on: a backslash is one, but for E''."""

_TOKEN = re.compile(
    rf"""{LITERAL}
      | "(?:[^"]|"")*" | [^\W\d][\w$]* | \d[\w.]* | \s+ | :: | .""",
    re.VERBOSE | re.DOTALL,
)
_CLOSE = {"(": ")", "[": "]"}
_OF_TYPE = re.compile(
    r'[^\W\dA-Z](?:[^\WA-Z]|\$)*|[ .]|".*"', re.DOTALL
)  # PostgreSQL writes its own words in capitals


@dataclass
class Group:
    """What stands between two brackets."""

    opening: str
    items: list[str | Group] = field(default_factory=list)

    def __str__(self) -> str:
        return self.opening + text_of(self.items) + _CLOSE[self.opening]


Items = list["str | Group"]


def text_of(items: Items) -> str:
    """Give the text that was parsed."""
    return "".join(map(str, items))


def parsed(text: str) -> Items:
    """Give the tokens of a text, what stands between brackets as one; brackets that do not match stay tokens."""
    stack = [Group("(")]
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in _CLOSE:
            stack.append(Group(token))
        elif token == _CLOSE[stack[-1].opening] and len(stack) > 1:
            group = stack.pop()
            stack[-1].items.append(group)
        else:
            stack[-1].items.append(token)
    while len(stack) > 1:
        group = stack.pop()
        stack[-1].items += [group.opening, *group.items]
    return stack[0].items


def listed_in(group: Group) -> list[Items]:
    """Give what stands between a group's commas."""
    parts: list[Items] = [[]]
    for item in group.items:
        if item == ",":
            parts.append([])
        else:
            parts[-1].append(item)
    return parts


def type_of_array(items: Items, place: int) -> tuple[Items, int]:
    """Give the elements' type if a cast to an array stands there, and where it ends; nothing for anything else."""
    if items[place : place + 1] != ["::"]:
        return [], place
    for end in range(place + 1, len(items)):
        after = items[end]
        if isinstance(after, Group) and after.opening == "[":
            return ([], place) if after.items else (items[place + 1 : end], end + 1)
        if not of_type(after):
            break
    return [], place


def of_type(item: str | Group) -> bool:
    """Tell whether this can be a part of a type's name; a bracket is, as in ``numeric(5,2)[]``."""
    return isinstance(item, Group) or _OF_TYPE.fullmatch(item) is not None


def cast_of(items: Items) -> tuple[Items, Items]:
    """Give what is cast, with the casts before the last, and the last cast's type; no type without a cast.

    ``a || b::text`` is no cast: the whole has to be one.
    """
    places = [place for place, item in enumerate(items) if item == "::"]
    if not places or not all(of_type(item) or item == "::" for item in items[places[0] :]):
        return items, []
    return items[: places[-1]], items[places[-1] + 1 :]
