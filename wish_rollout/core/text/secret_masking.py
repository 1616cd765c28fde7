"""Masking of secrets in SQL statements: passwords, keys, tokens and connection strings.

A masked statement has a hash of its real text at its end, so that a digest over masked statements still covers the
secrets. A secret in a form that is not listed here is not recognized.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from wish_rollout.core.text.dollar_quotes import OPENING, DollarQuotes

if TYPE_CHECKING:
    from collections.abc import Callable

MASK = "…"
NAME = r"(?=[pstae])(?:password|passwd|passphrase|secret|token|api_?key|access_?key|private_?key|encryption_?key)"
QUOTED = r"(?:[eE]'(?:[^'\\]++|''|\\.)*+'|(?:[nNbBxX]|[uU]&)?'(?:[^']++|'')*+')"
LITERAL = rf"(?:{QUOTED}|(?P<opening>{OPENING}))"
"""A string constant; of a dollar-quoted one only the first delimiter, see ``_replace``."""
HINTS = (
    *(
        "passw",
        "passphrase",
        "secret",
        "token",
        "key",
        "mapping",
        "://",
        "akia",
        "asia",
        "gh",
        "glpat-",
        "xox",
    ),
    *("_live_", "aiza", "eyj", "crypt", "hmac", "credentials", "pgp_", "scram-"),
)
"""A text without one of these, in lower case, contains no secret that would be recognized."""
PASSWORD_CLAUSE = re.compile(rf"(\bpassword\s+){LITERAL}", re.IGNORECASE | re.DOTALL)
"""CREATE ROLE … PASSWORD '…', OPTIONS (password '…')."""
NAMED = re.compile(rf"({NAME}(?:[\"']?\s*(?:=>|:=|=|:|,)\s*|\s+)){LITERAL}", re.IGNORECASE | re.DOTALL)
"""``secret => '…'``, ``"token": '…'``, ``set_config('app.api_key', '…')``, OPTIONS (secret '…')."""
MAPPING = re.compile(
    rf"\buser\s+mapping\b.{{0,1000}}?\boptions\s*\((?:[^()']++|{QUOTED})*+", re.IGNORECASE | re.DOTALL
)
CRYPTOGRAPHY = re.compile(
    rf"(?:secret|credentials|\bpgp_\w{{1,40}}|crypt|\bencrypt_iv|\bdecrypt_iv|\bhmac)\s*\((?:[^)']++|{QUOTED})*+",
    re.IGNORECASE | re.DOTALL,
)
ANY_LITERAL = re.compile(f"(){LITERAL}", re.DOTALL)
IN_LITERAL = re.compile(rf"({NAME}\s*=\s*)(\\?'[^']*'|[^\s;&'\"]+)", re.IGNORECASE)
"""``host=… password=…`` in a connection string."""
USERINFO = re.compile(r"(\w://)[^\s/@':]*+:[^\s/@']++@")
KNOWN_FORMS = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}"
    r"|\b[sr]k_live_\w{10,}|\bAIza[\w-]{30,}|\bSCRAM-SHA-256\$[\w$:+/=]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
    re.DOTALL,
)
WEB_TOKEN = re.compile(
    r"(?<![\w-])(?=[\w-]++\.eyJ[\w-]{8,}+\.)([\w-]*?)\beyJ[\w-]{8,}+\.eyJ[\w-]{8,}+\.[\w-]*"
)
"""A JSON web token (RFC 7519): header, payload and signature."""
PREFIXES = (
    *(
        "AKIA",
        "ASIA",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "xox",
        "k_live_",
        "AIza",
    ),
    *("eyJ", "SCRAM-SHA-256$", "PRIVATE KEY"),
)
"""A text without one of these contains no known form."""
FUNCTIONS = ("secret", "credentials", "pgp_", "crypt", "hmac")
MARK = re.compile(r" /\* a secret is masked; sha256 of the statement: ([0-9a-f]{64}) \*/$")
LONG = 100_000
MAX_LITERAL_NAMES = 6
"""A literal after a name that only ends like a secret's is masked from this length on: ``token = 'x'`` is no secret."""


def mask_secrets(text: str) -> str:
    """Return the text with recognized secrets replaced by ``…``. The cost grows linearly with the text's length."""
    return _mask(text) if len(text) < LONG else _mask.__wrapped__(text)


@lru_cache(maxsize=64)
def _mask(text: str) -> str:
    lower = " ".join(text.lower().split()) if len(text) < LONG else text.lower()
    if not any(hint in lower for hint in HINTS):
        return text
    if any(prefix in text for prefix in PREFIXES):
        text = WEB_TOKEN.sub(rf"\1{MASK}", KNOWN_FORMS.sub(MASK, text))
    if "://" in text:
        text = USERINFO.sub(rf"\1{MASK}@", text)
    if "mapping" in lower:
        text = MAPPING.sub(_mask_literals, text)
    if any(function in lower for function in FUNCTIONS):
        text = CRYPTOGRAPHY.sub(_mask_literals, text)
    if "password" in lower:
        text = replace_literals(PASSWORD_CLAUSE, text, lambda _: f"'{MASK}'")
    text = replace_literals(NAMED, text, _mask_long)
    return replace_literals(ANY_LITERAL, text, _mask_in_literal) if "=" in text else text


def replace_literals(
    pattern: re.Pattern[str], text: str, replace: Callable[[str], str], quotes: DollarQuotes | None = None
) -> str:
    """Return the text with the string constants that a pattern finds replaced; what is not closed remains.

    ``pattern``: ends with ``LITERAL``, and has what comes before it as its first group.
    """
    parts: list[str] = []
    copied = position = 0
    while found := pattern.search(text, position):
        begin, end = found.end(1), found.end()
        if opening := found["opening"]:
            quotes = quotes or DollarQuotes(text)
            closed = quotes.end(opening, end)
            if closed is None:
                position = begin + 1
                continue
            end = closed
        parts += text[copied:begin], replace(text[begin:end])
        copied = position = end
    return "".join([*parts, text[copied:]]) if parts else text


def _mask_literals(found: re.Match[str]) -> str:
    return replace_literals(ANY_LITERAL, found[0], lambda _: f"'{MASK}'")


def _mask_in_literal(literal: str) -> str:
    return IN_LITERAL.sub(rf"\1{MASK}", literal) if "=" in literal else literal


def _mask_long(literal: str) -> str:
    return literal if len(literal) < MAX_LITERAL_NAMES + 2 else f"'{MASK}'"


def mask_statement(text: str) -> str:
    """Return a statement as it is stored and shown: unchanged, or masked with the hash of its real text.

    ``text``: what is really sent; a statement that looks like a masked one gets a hash as well.
    """
    masked = mask_secrets(text)
    if masked == text and not is_masked(text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{masked} /* a secret is masked; sha256 of the statement: {digest} */"


def mask_recorded(text: str) -> str:
    """Return a statement of a record, in which secrets are masked already, unless an earlier version wrote it."""
    return text if is_masked(text) else mask_statement(text)


def is_masked(text: str) -> bool:
    """Return whether a stored statement contains a masked secret."""
    return bool(MARK.search(text[-120:]))


def digest_of_masked(text: str) -> str:
    """Return the hash of the real text of a masked statement, or "" for another text."""
    found = MARK.search(text[-120:])
    return found[1] if found else ""
