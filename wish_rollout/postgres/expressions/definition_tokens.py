"""The tokens of a deparsed definition, with their depth in parentheses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from wish_rollout.postgres.expressions.expression_tokens import LITERAL

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOKEN = re.compile(
    rf"""(?P<text>{LITERAL})
      | (?P<name>"(?:[^"]|"")*"|[^\W\d][\w$]*)
      | (?P<space>\s+)
      | (?P<other>\d[\w.]*|::|.)""",
    re.VERBOSE | re.DOTALL,
)
_QUERY_KEY_WORDS = frozenset({"select", "with", "values"})


class Token(NamedTuple):
    """A token of SQL. The white space before it is reduced to at most one space.

    ``depth``: how many parentheses enclose it. ``inner``: whether it is inside a subquery.
    """

    text: str
    spaced: bool
    depth: int
    inner: bool

    @property
    def key_word(self) -> str:
        """The token in lower case, for comparing it with key words."""
        return self.text.lower()


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a definition without white space."""
    tokens: list[Token] = []
    spaced = False
    queries = [False]
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "space":
            spaced = True
            continue
        part = match[0]
        if part == ")" and len(queries) > 1:
            queries.pop()
        tokens.append(Token(part, spaced, len(queries) - 1, queries[-1]))
        if part == "(":
            start = _TOKEN.match(text, match.end())
            if start is not None and start.lastgroup == "space":
                start = _TOKEN.match(text, start.end())
            queries.append(queries[-1] or (start is not None and start[0].lower() in _QUERY_KEY_WORDS))
        spaced = False
    return tokens


def join_tokens(tokens: Iterable[Token]) -> str:
    """Return the text of the tokens, without white space and semicolons at its ends."""
    return "".join(" " + token.text if token.spaced else token.text for token in tokens).strip(" ;")


def split_at_commas(text: str) -> list[str]:
    """Return the parts between the commas that are outside parentheses and literals."""
    parts = [""]
    for token in tokenize(text):
        if token.text == "," and token.depth == 0:
            parts.append("")
        else:
            parts[-1] += " " + token.text if token.spaced else token.text
    return [part.strip() for part in parts]
