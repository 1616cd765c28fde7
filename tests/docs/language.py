"""Finds terms that this project does not use: in identifiers, comments, docstrings, texts and pages."""

from __future__ import annotations

import io
import re
import tokenize
from typing import TYPE_CHECKING

from tests.docs.files import without_code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSTEAD = {
    r"roads?": "pipeline, run",
    r"(?:rooms?|houses?)": "module, package",
    r"told": "reported, recorded, shown",
    r"tells? (?:of|apart|people|somebody|whether|which|who)": "reports, shows, notifies, distinguishes",
    r"(?:at )?stakes?": "rows at risk",
    r"ways? out": "remedy",
    r"(?<!break )glass": "break glass",
    r"(?:whoever|nobody s|whosoever)": "the session, a user who, no",
    r"(?:hold|holds|held|holding) (?:\w+ )?up": "block, delay",
    r"(?:stand|stands|stood|standing)(?! for\b)": "is, is current, is valid",
    r"in (?:the|its|their|our|others?|nobody s) way(?! (?:that|in which)\b)": "conflicts, blocks",
    r"(?:on|out of) (?:the|its|their|our|others?) way": "before it is complete; gives way",
    r"whose word": "authorized by",
    r"words? (?:that )?counts?": "approver",
    r"(?:mend|mends|mended|mending)": "correct, repair, resolve",
    r"settl(?:e|es|ed|ing)": "normalize",
    r"look(?:s|ed|ing)? (?:at|through)": "read, examine",
    r"(?:go|goes|went|gone|going) on(?! to\b)": "continue",
    r"(?:anew|afresh)": "again",
    r"(?:shout|shouts|shouted)": "record, log",
    r"(?:lifeline|hushing|planting|spreading|founding|surveying)": "a standard term",
    r"speaks? for": "represents, inherits",
    r"(?:be|is|was) had": "be obtained",
    r"behind (?:a |the |this |its )?(?:gates?|environments?|migrations?|lock)": "after",
    r"half exists?": "is invalid",
    r"lets? (?:it|them|rows|these) be": "allows",
}
"""Patterns of words, and what to write instead. Each matches whole words; punctuation counts as a space."""

PATTERNS = [pattern.replace(" ", r"\s") for pattern in INSTEAD]
FORBIDDEN = re.compile("|".join(rf"\b{pattern}\b" for pattern in PATTERNS), re.IGNORECASE)
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def in_python(path: Path, *, texts: bool) -> Iterator[tuple[int, str]]:
    """Yield each line and term in a module: identifiers, comments, docstrings; with ``texts``, all strings."""
    source = path.read_text(encoding="utf-8")
    if not FORBIDDEN.search(spaced(CAMEL.sub(" ", source))):
        return
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        for line, term in terms(readable(token, before, texts=texts)):
            yield token.start[0] + line, term
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            before = token.type


def readable(token: tokenize.TokenInfo, before: int, *, texts: bool) -> str:
    """Return the words of a token, without code spans; nothing for a token that is not read."""
    if token.type == tokenize.NAME:
        return CAMEL.sub(" ", token.string)
    is_text = token.type in (tokenize.STRING, FSTRING) and (texts or is_docstring(before, token))
    return without_code(token.string.replace("``", "`")) if is_text or token.type == tokenize.COMMENT else ""


FSTRING = getattr(tokenize, "FSTRING_MIDDLE", -1)


def is_docstring(before: int, token: tokenize.TokenInfo) -> bool:
    """Return whether a string begins a statement."""
    starts = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)
    return before in starts and token.string.lstrip("rRuU").startswith('"""')


def in_page(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each line and term in a page, without code and without quotations."""
    text = without_code(path.read_text(encoding="utf-8"))
    yield from ((line + 1, term) for line, term in terms(re.sub(r"\"[^\"\n]*\"", "", text)))


def in_comments(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each line and term in the comments of a file of SQL, TOML, YAML, make or the shell."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        comment = re.search(r"(?:^|\s)(?:--|#) (.*)", line)
        yield from ((number, term) for _, term in terms(comment[1] if comment else ""))


def terms(text: str) -> Iterator[tuple[int, str]]:
    """Yield each forbidden term, with the number of line breaks before it."""
    if FORBIDDEN.search(plain := spaced(text)):
        for found in FORBIDDEN.finditer(plain):
            yield plain.count("\n", 0, found.start()), found.group()


def spaced(text: str) -> str:
    """Return a text with one space or line break between words, also instead of an apostrophe, hyphen or underscore."""
    text = re.sub(r"[ \t]*\n[ \t]*", "\n", re.sub(r"(?<=\w)['_-](?=\w)", " ", text))
    return re.sub(r"[ \t]+", " ", text)
