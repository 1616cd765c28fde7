"""Keeping passwords out of every text that leaves us, whoever wrote it."""

from __future__ import annotations

import re

HIDDEN_TEXT = "…"
USERINFO = re.compile(r"(\w://)[^\s/]*@")
KEYWORD = re.compile(r"(password\s*=\s*)('[^']*'|\S+)", re.IGNORECASE)
SHORTEST = 6
WORDS = frozenset({"postgres", "postgresql", "password", "rollout", "localhost"})
"""A shorter password, or one that is such a word, would hide what has nothing to do with it."""

_known: set[str] = set()


def keep_secret(password: str) -> None:
    """Remember a password that this process has read, so that no text shows it."""
    if len(password) >= SHORTEST and password.lower() not in WORDS:
        _known.add(password)


def redact(text: str) -> str:
    """Hide known passwords, what stands before the host in a URL, and ``password=``."""
    for password in sorted(_known, key=len, reverse=True):
        text = text.replace(password, HIDDEN_TEXT)
    return KEYWORD.sub(rf"\1{HIDDEN_TEXT}", USERINFO.sub(rf"\1{HIDDEN_TEXT}@", text))


def printable(text: str) -> str:
    """Write control characters, but for line ends and tabs, as escapes, so that a name cannot act."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
