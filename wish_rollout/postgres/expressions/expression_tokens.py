"""Deparsed SQL text as a tree of tokens and bracketed groups."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LITERAL = r"""(?:[eE]'(?:[^'\\]|''|\\.)*' | (?:[bBxX]|[uU]&)?'(?:[^']|'')*')"""
"""A literal as PostgreSQL writes it with standard_conforming_strings on: a backslash escapes only in ``E''``."""

_TOKEN = re.compile(
    rf"""{LITERAL}
      | "(?:[^"]|"")*" | [^\W\d][\w$]* | \d[\w.]* | \s+ | :: | .""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]"}
_TYPE_NAME_PART = re.compile(
    r'[^\W\dA-Z](?:[^\WA-Z]|\$)*|[ .]|".*"', re.DOTALL
)  # PostgreSQL writes key words in capitals, and type names in lower case


@dataclass
class Group:
    """The tokens between an opening bracket and its closing bracket."""

    opening: str
    items: list[str | Group] = field(default_factory=list)

    def __str__(self) -> str:
        return self.opening + text_of(self.items) + _CLOSING[self.opening]


Items = list["str | Group"]


def text_of(items: Items) -> str:
    """Return the text of the tokens; the inverse of ``parse_tokens``."""
    return "".join(map(str, items))


def parse_tokens(text: str) -> Items:
    """Return the tokens of a text. Matching brackets and their contents become one ``Group``.

    A bracket without a counterpart stays a token.
    """
    stack = [Group("(")]
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in _CLOSING:
            stack.append(Group(token))
        elif token == _CLOSING[stack[-1].opening] and len(stack) > 1:
            group = stack.pop()
            stack[-1].items.append(group)
        else:
            stack[-1].items.append(token)
    while len(stack) > 1:
        group = stack.pop()
        stack[-1].items += [group.opening, *group.items]
    return stack[0].items


def split_at_commas(group: Group) -> list[Items]:
    """Return the elements of a group that are separated by commas."""
    parts: list[Items] = [[]]
    for item in group.items:
        if item == ",":
            parts.append([])
        else:
            parts[-1].append(item)
    return parts


def array_cast_at(items: Items, index: int) -> tuple[Items, int]:
    """Return the element type of the cast to an array type at ``index``, and the index after the cast.

    The type is empty if there is no such cast.
    """
    if items[index : index + 1] != ["::"]:
        return [], index
    for end in range(index + 1, len(items)):
        item = items[end]
        if isinstance(item, Group) and item.opening == "[":
            return ([], index) if item.items else (items[index + 1 : end], end + 1)
        if not is_type_name_part(item):
            break
    return [], index


def is_type_name_part(item: str | Group) -> bool:
    """Return whether this can be a part of a type name. A group can be one, as in ``numeric(5,2)[]``."""
    return isinstance(item, Group) or _TYPE_NAME_PART.fullmatch(item) is not None


def split_cast(items: Items) -> tuple[Items, Items]:
    """Return the operand of the outermost cast, and the type that it is cast to.

    The operand includes any inner casts. The type is empty if the expression as a whole is not a cast, as in
    ``a || b::text``.
    """
    casts = [index for index, item in enumerate(items) if item == "::"]
    if not casts or not all(is_type_name_part(item) or item == "::" for item in items[casts[0] :]):
        return items, []
    return items[: casts[-1]], items[casts[-1] + 1 :]
