"""The regular expression of SQL tokens (PostgreSQL manual, 4.1 Lexical Structure)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.core.text.dollar_quotes import OPENING, DollarQuotes

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMENT = r"/\*(?:[^*/]|\*(?!/)|/(?!\*))*\*/"
for _ in range(4):  # block comments can be nested; five levels are enough
    COMMENT = rf"/\*(?:[^*/]|\*(?!/)|/(?!\*)|{COMMENT})*\*/"

_TOKEN = rf"""
      (?P<space>\s+|--[^\n]*|{COMMENT})
    | (?P<dollar>%s)
    | (?P<escape>[eE]'(?:[^'\\]|''|\\.)*')
    | (?P<string>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\d[\w.]*)
    | (?P<sign>::|.)
    """
_DOLLAR = r"\$(?P<tag>[A-Za-z_]\w*)?\$(?P<body>.*?)\$(?(tag)(?P=tag))\$"
TOKEN = re.compile(_TOKEN % _DOLLAR, re.VERBOSE | re.DOTALL)
_TOKEN_WITHOUT_DOLLAR = re.compile(_TOKEN % "(?!)(?P<tag>)(?P<body>)", re.VERBOSE | re.DOTALL)
_OPENING = re.compile(OPENING)


def find_tokens(text: str, quotes: DollarQuotes | None = None) -> Iterator[re.Match[str]]:
    """Yield a match of ``TOKEN`` for each token of a text. The cost grows linearly with the text's length."""
    if "$" not in text:
        yield from TOKEN.finditer(text)
        return
    quotes, position = quotes or DollarQuotes(text), 0
    while position < len(text):
        opening = _OPENING.match(text, position)
        is_closed = opening is not None and quotes.end(opening[0], opening.end()) is not None
        match = (TOKEN if is_closed or not opening else _TOKEN_WITHOUT_DOLLAR).match(text, position)
        assert match
        yield match
        position = match.end()
