"""What a script declares of itself, read from its text without executing it."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

NAMES = ("revision", "down_revision", "branch_labels", "depends_on")
LINE = re.compile(rf"^({'|'.join(NAMES)})\b", re.M)
ASSIGNMENT = re.compile(
    rf"""^({"|".join(NAMES)})(?:[ \t]*:[^=\n]*)?[ \t]*=[ \t]*"""
    r"""(None|"[^"\\\n]*"|'[^'\\\n]*'|\([^()#\\]*\)|\[[^][#\\]*\])[ \t]*(?:\#.*)?$""",
    re.M,
)
BEFORE_TEXT = re.compile(r"(?:[ \t]*(?:#.*)?\n)*")
"""The empty lines and comments at the beginning of a file."""
TEXT = re.compile(
    r'(?:"""((?:[^"\\]|"(?!""))*)"""'
    r"|'''((?:[^'\\]|'(?!''))*)'''"
    r'|"(?!"")([^"\\\n]*)"'
    r"|'(?!'')([^'\\\n]*)')[ \t]*(?:#[^\n]*)?(?=\n|\Z)"
)
"""A string that is the first statement of a file, without escapes."""
NO_TEXT = re.compile(r"from\b|import\b|[a-z_]+[ \t]*[:=]")
"""How a file begins that has no text at its beginning."""
QUOTES = re.compile(r'"""|\'\'\'')
"""The beginning of a string of several lines, which may contain what looks like an assignment."""
UNSEEN = re.compile(r"import\s*\*|globals(?!\(\)\[[^]\n]+\]\()|locals|vars\(|exec\(|__getattr__|__doc__")
"""What may give a module names that are not in its text, or another text at its beginning.

Alembic's template for several databases only calls functions by ``globals()[…]()``.
"""


class Header(NamedTuple):
    """The declarations of a script. ``doc``: the text at its beginning."""

    revision: str
    down_revision: tuple[str, ...]
    branch_labels: tuple[str, ...]
    depends_on: tuple[str, ...]
    doc: str


def read_header(source: bytes) -> Header | None:
    """Return what a script declares, or None where that cannot be seen in its text.

    It can be seen where each name is in the code once, in a line that assigns a constant; Alembic's templates write it so.
    """
    try:
        text = source.decode()
    except UnicodeDecodeError:
        return None
    start = _start(text)
    found = _declarations(text[start.end() :]) if start and not UNSEEN.search(text) else {}
    if not start or "down_revision" not in found or len(found.get("revision", ())) != 1:
        return None
    down, labels, depends = (found.get(name, ()) for name in NAMES[1:])
    return Header(found["revision"][0], down, labels, depends, "".join(filter(None, start.groups())))


def _start(text: str) -> re.Match[str] | None:
    """Return the beginning of a file, its groups with the text in it; None if Python may read another text.

    By an encoding or by escapes; and since Python 3.13 it removes the indentation.
    """
    before = BEFORE_TEXT.match(text)
    assert before
    if "coding" in before[0] or "\r" in text:
        return None
    if found := TEXT.match(text, before.end()):
        return None if "\n " in found[0] or "\t" in found[0] else found
    return before if NO_TEXT.match(text, before.end()) else None


def _declarations(code: str) -> dict[str, tuple[str, ...]]:
    """Return the names that are assigned; nothing if one is assigned twice, or otherwise than as a constant."""
    found: dict[str, tuple[str, ...]] = {}
    assigned = ASSIGNMENT.findall(QUOTES.split(code, maxsplit=1)[0])
    names = [name for name, _ in assigned]
    is_unclear = len(assigned) != len(LINE.findall(code)) or any(
        code.count(name) != names.count(name) for name in NAMES[1:]
    )
    for name, value in () if is_unclear else assigned:
        constants = _names(value)
        if constants is None or name in found:
            return {}
        found[name] = constants
    return found


def _names(value: str) -> tuple[str, ...] | None:
    """Return the names of a constant: none, one, or several; None if it is no such constant."""
    if value == "None":
        return ()
    if value[0] in "\"'":
        return (value[1:-1],)
    try:
        several = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return None
    several = (several,) if isinstance(several, str) else tuple(several or ())
    return several if all(isinstance(name, str) for name in several) else None
