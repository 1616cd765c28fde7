"""The file of allowed signers: who, with which key, for what, and from when to when.

The format is ssh-keygen(1)'s, ALLOWED SIGNERS. Two things are stricter here. A principal must name one
person: a pattern would let a key's owner be whom they like. And entries of certificate authorities are not
taken, since what a certificate says would have to be checked as well.
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
from wish_rollout.core.errors.signatures import InvalidAllowedSigners

if TYPE_CHECKING:
    from pathlib import Path

MOMENT = re.compile(r"(\d{8})(\d{4}(?:\d{2})?)?(Z?)")
OPTIONS = re.compile(r'([a-z-]+)(?:="([^"]*)")?(?:,|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: names, a key, and from when to when it counts."""

    principals: tuple[str, ...]
    key: bytes
    namespaces: tuple[str, ...] | None = None
    valid_after: datetime | None = None
    valid_before: datetime | None = None

    def names(self, principal: str) -> bool:
        """Whether the line names exactly this person."""
        return principal.casefold() in (name.casefold() for name in self.principals)

    def valid(self, now: datetime) -> bool:
        """Whether the line counts at this moment."""
        begun = self.valid_after is None or self.valid_after <= now
        return begun and (self.valid_before is None or now < self.valid_before)

    @property
    def for_us(self) -> bool:
        """Whether the key may sign approvals."""
        return self.namespaces is None or _listed(NAMESPACE, self.namespaces)

    @property
    def interval(self) -> str:
        """From when to when, for a person."""
        after = f"valid-after {self.valid_after:%Y-%m-%d %H:%M} UTC" if self.valid_after else ""
        before = f"valid-before {self.valid_before:%Y-%m-%d %H:%M} UTC" if self.valid_before else ""
        return ", ".join(filter(None, (after, before))) or "always"


def _listed(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a list of patterns has a name, as in ssh_config(5), PATTERNS: ``*``, ``?``, and ``!`` excludes."""
    matching = [each for each in patterns if fnmatchcase(name, each.removeprefix("!").replace("[", "[[]"))]
    return bool(matching) and not any(each.startswith("!") for each in matching)


@dataclass(frozen=True, slots=True)
class Signers:
    """The whole file. ``digest``: the SHA-256 of its bytes."""

    path: str
    entries: tuple[Entry, ...]
    digest: str

    def of_key(self, key: bytes) -> list[Entry]:
        """Give the lines that hold this key for our purpose."""
        return [entry for entry in self.entries if entry.key == key and entry.for_us]

    def person(self, name: str) -> frozenset[str]:
        """Give all names, in small letters, of whoever has this one: those that share a key with it, and so on.

        Also keys that are for something else, or whose time is over, tell who somebody is.
        """
        lines = [({each.casefold() for each in entry.principals}, entry.key) for entry in self.entries]
        names: set[str] = {name.casefold()}
        while True:
            keys = {key for these, key in lines if these & names}
            more = names.union(*(these for these, key in lines if key in keys))
            if more == names:
                return frozenset(names)
            names = more


def read_signers(path: Path) -> Signers:
    """Read the file; raise BadSigners for one that is missing, or holds a line that cannot be read."""
    try:
        content = path.read_bytes()
        lines = content.decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InvalidAllowedSigners(str(path), str(reason)) from None
    entries = []
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                entries += _entry(line.strip())
            except ValueError as error:
                raise InvalidAllowedSigners(str(path), f"line {number}: {error}") from None
    if not entries:
        raise InvalidAllowedSigners(str(path), "it names nobody")
    return Signers(str(path), tuple(entries), hashlib.sha256(content).hexdigest())


def _entry(line: str) -> list[Entry]:
    words = _words(line)
    if len(words) < 3:
        raise ValueError("it is not: principals [options] key-type key")
    principals = tuple(name for name in words[0].strip('"').split(",") if name)
    if wild := next((name for name in principals if set(name) & set("*?!")), None):
        raise ValueError(f"'{wild}' is a pattern, and an approver must be one person")
    options: dict[str, str] = {}
    if "=" in words[1] or words[1].lower().startswith("cert-authority"):
        options = _options(words.pop(1))
    if "cert-authority" in options:
        raise ValueError("certificate authorities are not taken; name each person's own key")
    try:
        key = base64.b64decode(words[2], validate=True)
    except (binascii.Error, IndexError):
        raise ValueError("its key is no base64") from None
    return [
        Entry(
            principals,
            key,
            tuple(options["namespaces"].split(",")) if "namespaces" in options else None,
            moment(options["valid-after"]) if "valid-after" in options else None,
            moment(options["valid-before"]) if "valid-before" in options else None,
        )
    ]


def _words(line: str) -> list[str]:
    """Split at blanks that are not in double quotes."""
    lexer = shlex.shlex(line, posix=False, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.quotes = True, "", '"'
    return list(lexer)


def _options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    place = 0
    while place < len(text):
        match = OPTIONS.match(text, place)
        name = match[1].lower() if match else ""
        if match is None or name not in ("cert-authority", "namespaces", "valid-after", "valid-before"):
            raise ValueError(f"the option {text[place:]!r} is not known")
        if name in options:
            raise ValueError(f"the option {name} is given twice")
        if (match[2] is None) != (name == "cert-authority"):
            raise ValueError(f"the option {name} is malformed")
        options[name] = match[2] or ""
        place = match.end()
    return options


def moment(text: str) -> datetime:
    """Read YYYYMMDD[HHMM[SS]][Z]: without the Z it is this machine's local time, as for ssh-keygen."""
    match = MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is no date: YYYYMMDD[HHMM[SS]][Z]")
    day, clock, zone = match[1], (match[2] or "").ljust(6, "0"), match[3]
    plain = datetime.strptime(day + clock, "%Y%m%d%H%M%S")  # noqa: DTZ007 (its zone is found below)
    if zone:
        return plain.replace(tzinfo=UTC)
    return datetime.fromtimestamp(time.mktime(plain.timetuple()), UTC)
