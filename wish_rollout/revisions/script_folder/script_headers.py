"""What a script declares of itself, read from its text without executing it."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

NAMES = ("revision", "down_revision", "branch_labels", "depends_on")
ASSIGNMENT = re.compile(rf"^({'|'.join(NAMES)})\b([^\n]*)$", re.M)
VALUE = re.compile(
    r"""(?:[ \t]*:[^=]*)?[ \t]*=[ \t]*(None|"[^"\\]*"|'[^'\\]*'|\([^()#\\]*\)|\[[^][#\\]*\])[ \t]*(?:#.*)?"""
)
DOCSTRING = re.compile(r'"""((?:[^"\\]|"(?!""))*)"""')


class Header(NamedTuple):
    """The declarations of a script without branch labels. ``doc``: the text at its beginning."""

    revision: str
    down_revision: tuple[str, ...]
    depends_on: tuple[str, ...]
    doc: str


def read_header(source: bytes) -> Header | None:
    """Return what a script declares, or None where that cannot be seen in its text.

    It can be seen where each name is in the text once, in a line that assigns a constant; Alembic's templates write it so.
    """
    try:
        text = source.decode()
    except UnicodeDecodeError:
        return None
    if any(text.count(name) > 1 for name in NAMES[1:]):
        return None
    found: dict[str, tuple[str, ...]] = {}
    for name, rest in ASSIGNMENT.findall(text):
        value = VALUE.fullmatch(rest)
        names = _names(value[1]) if value and name not in found else None
        if names is None:
            return None
        found[name] = names
    doc = DOCSTRING.match(text)
    if doc is None or "\r" in text or found.get("branch_labels") or "down_revision" not in found:
        return None
    if len(revision := found.get("revision", ())) != 1:
        return None
    return Header(revision[0], found["down_revision"], found.get("depends_on", ()), doc[1])


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
    several = (several,) if isinstance(several, str) else tuple(several)
    return several if all(isinstance(name, str) for name in several) else None
