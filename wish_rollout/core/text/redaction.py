"""Redaction of passwords and escaping of control characters in text that is displayed, logged or stored."""

from __future__ import annotations

import re

from wish_rollout.core.text.secret_masking import mask_secrets

HIDDEN_TEXT = "…"
USERINFO = re.compile(r"(\w://)[^\s/]*@")
PASSWORD_KEYWORD = re.compile(r"(password\s*=\s*)('[^']*'|\S+)", re.IGNORECASE)
MIN_PASSWORD_LENGTH = 6
COMMON_WORDS = frozenset({"postgres", "postgresql", "password", "rollout", "localhost"})
"""A password that is shorter, or one of these words, is not hidden: it would hide unrelated text."""

_passwords: set[str] = set()


def register_password(password: str) -> None:
    """Register a password that this process has read, so that ``redact`` hides it."""
    if len(password) >= MIN_PASSWORD_LENGTH and password.lower() not in COMMON_WORDS:
        _passwords.add(password)


def redact(text: str) -> str:
    """Return the text without registered passwords, the user part of URLs, and what ``mask_secrets`` recognizes."""
    for password in sorted(_passwords, key=len, reverse=True):
        text = text.replace(password, HIDDEN_TEXT)
    text = mask_secrets(text)
    return PASSWORD_KEYWORD.sub(rf"\1{HIDDEN_TEXT}", USERINFO.sub(rf"\1{HIDDEN_TEXT}@", text))


def escape_unprintable(text: str, keep: str = "\n\t") -> str:
    """Return the text with control and formatting characters as escapes, except those in ``keep``.

    A name from a database can then neither control a terminal nor hide a part of itself.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def escape_to_one_line(text: str) -> str:
    """Return the text with all control and formatting characters as escapes, line ends included."""
    return escape_unprintable(text, keep="")
