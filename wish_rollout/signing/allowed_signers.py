"""The file of allowed signers: the approvers, their keys, and the validity of each key.

The format is that of ssh-keygen(1), ALLOWED SIGNERS, with two restrictions. A principal must name one person: with
a pattern, the owner of a key could choose any name. Entries of certificate authorities are refused, because
the content of a certificate would have to be verified as well.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import shlex
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import NAMESPACE
from wish_rollout.core.errors.gate.signatures import InvalidAllowedSigners

if TYPE_CHECKING:
    from pathlib import Path

TIMESTAMP = re.compile(r"(\d{8})(\d{4}(?:\d{2})?)?(Z?)")
OPTIONS = re.compile(r'([a-z-]+)(?:="([^"]*)")?(?:,|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AllowedSigner:
    """A line of the file: principals, a key, and the interval in which the key is valid."""

    principals: tuple[str, ...]
    key: bytes
    namespaces: tuple[str, ...] | None = None
    valid_after: datetime | None = None
    valid_before: datetime | None = None

    def names_principal(self, principal: str) -> bool:
        """Return whether the line names a person."""
        return principal.casefold() in (name.casefold() for name in self.principals)

    def is_valid(self, now: datetime) -> bool:
        """Return whether the key is valid at a time."""
        has_begun = self.valid_after is None or self.valid_after <= now
        return has_begun and (self.valid_before is None or now < self.valid_before)

    @property
    def may_sign_approvals(self) -> bool:
        """Whether the key may sign approvals."""
        return self.namespaces is None or _matches_list(NAMESPACE, self.namespaces)

    @property
    def interval(self) -> str:
        """The validity interval, as text."""
        after = f"valid-after {self.valid_after:%Y-%m-%d %H:%M} UTC" if self.valid_after else ""
        before = f"valid-before {self.valid_before:%Y-%m-%d %H:%M} UTC" if self.valid_before else ""
        return ", ".join(filter(None, (after, before))) or "always"


def _matches_list(name: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a name matches a pattern list: ``*``, ``?``, and ``!`` excludes (ssh_config(5), PATTERNS)."""
    matching = [each for each in patterns if fnmatchcase(name, each.removeprefix("!").replace("[", "[[]"))]
    return bool(matching) and not any(each.startswith("!") for each in matching)


@dataclass(frozen=True, slots=True)
class AllowedSigners:
    """The whole file. ``digest``: the SHA-256 of its bytes."""

    path: str
    entries: tuple[AllowedSigner, ...]
    digest: str

    def entries_for_key(self, key: bytes) -> list[AllowedSigner]:
        """Return the lines with a key that may sign approvals."""
        return [entry for entry in self.entries if entry.key == key and entry.may_sign_approvals]

    def all_names(self, name: str) -> frozenset[str]:
        """Return all names of the person with a name, in lower case: names that share a key, directly or not.

        Keys for other purposes and expired keys also identify a person.
        """
        lines = [({each.casefold() for each in entry.principals}, entry.key) for entry in self.entries]
        names: set[str] = {name.casefold()}
        while True:
            keys = {key for principals, key in lines if principals & names}
            more = names.union(*(principals for principals, key in lines if key in keys))
            if more == names:
                return frozenset(names)
            names = more


def read_signers(path: Path) -> AllowedSigners:
    """Return the content of the file; raise InvalidAllowedSigners if it is missing, empty or malformed."""
    try:
        content = path.read_bytes()
        lines = content.decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidAllowedSigners(str(path), str(reason)) from None
    entries = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                entries.append(_parse_line(line.strip()))
            except ValueError as error:
                raise InvalidAllowedSigners(str(path), f"line {number}: {error}") from None
    if not entries:
        raise InvalidAllowedSigners(str(path), "it names nobody")
    return AllowedSigners(str(path), tuple(entries), hashlib.sha256(content).hexdigest())


def _parse_line(line: str) -> AllowedSigner:
    words = _split_words(line)
    if len(words) < 3:
        raise ValueError("it is not: principals [options] key-type key")
    principals = tuple(name for name in words[0].strip('"').split(",") if name)
    if pattern := next((name for name in principals if set(name) & set("*?!")), None):
        raise ValueError(f"'{pattern}' is a pattern, and an approver must be one person")
    options: dict[str, str] = {}
    if "=" in words[1] or words[1].lower().startswith("cert-authority"):
        options = _parse_options(words.pop(1))
    if "cert-authority" in options:
        raise ValueError("certificate authorities are not supported; name each person's own key")
    try:
        key = base64.b64decode(words[2], validate=True)
    except (binascii.Error, IndexError):
        raise ValueError("its key is not base64 text") from None
    return AllowedSigner(
        principals,
        key,
        tuple(options["namespaces"].split(",")) if "namespaces" in options else None,
        parse_time(options["valid-after"]) if "valid-after" in options else None,
        parse_time(options["valid-before"]) if "valid-before" in options else None,
    )


def _split_words(line: str) -> list[str]:
    """Return the words of a line, split at whitespace that is not in double quotes."""
    lexer = shlex.shlex(line, posix=False, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.quotes = True, "", '"'
    return list(lexer)


def _parse_options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = OPTIONS.match(text, position)
        name = match[1].lower() if match else ""
        if match is None or name not in ("cert-authority", "namespaces", "valid-after", "valid-before"):
            raise ValueError(f"the option {text[position:]!r} is unknown")
        if name in options:
            raise ValueError(f"the option {name} is repeated")
        if (match[2] is None) != (name == "cert-authority"):
            raise ValueError(f"the option {name} is malformed")
        options[name] = match[2] or ""
        position = match.end()
    return options


def parse_time(text: str) -> datetime:
    """Return the time YYYYMMDD[HHMM[SS]][Z], in this machine's time zone without Z, as ssh-keygen parses it."""
    match = TIMESTAMP.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a time: YYYYMMDD[HHMM[SS]][Z]")
    day, clock, zone = match[1], (match[2] or "").ljust(6, "0"), match[3]
    parsed = datetime.strptime(day + clock, "%Y%m%d%H%M%S")  # noqa: DTZ007 (the time zone is set below)
    if zone:
        return parsed.replace(tzinfo=UTC)
    return datetime.fromtimestamp(time.mktime(parsed.timetuple()), UTC)
