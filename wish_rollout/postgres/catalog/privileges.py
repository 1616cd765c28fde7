"""Access privileges in words, with the defaults left out. Manual, "Privileges"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wish_rollout.postgres.catalog.read_context import ReadContext

WORDS = {
    "r": "SELECT",
    "a": "INSERT",
    "w": "UPDATE",
    "d": "DELETE",
    "D": "TRUNCATE",
    "x": "REFERENCES",
    "t": "TRIGGER",
    "m": "MAINTAIN",
    "X": "EXECUTE",
    "U": "USAGE",
    "C": "CREATE",
    "s": "SET",
    "A": "ALTER SYSTEM",
}
# By the letters of acldefault(): everything that can be granted, and what PUBLIC has by default.
_ALL = {
    "r": "rawdDxt",
    "c": "rawx",
    "s": "rwU",
    "f": "X",
    "l": "U",
    "n": "UC",
    "F": "U",
    "S": "U",
    "T": "U",
    "L": "rw",
    "public": "UC",
    "public 14": "UC",
}
# The schema that initdb makes has defaults of its own, which changed in 15.
_PUBLIC = {"f": "X", "l": "U", "T": "U", "public": "U", "public 14": "UC"}
_ITEM = re.compile(r'("(?:[^"]|"")*"|[^"=]*)=([A-Za-z*]*)/("(?:[^"]|"")*"|[^"]*)', re.DOTALL)

Held = dict[tuple[str, str], dict[str, bool]]
"""(grantee, grantor) → privilege letter → may it be granted on."""


def privileges(
    acl: Iterable[str], kind: str, owner: str | None, frame: ReadContext, *, additional: bool = False
) -> dict[str, list[str]]:
    """Give what each role may do, where that is not what it may do by default.

    ``acl``: items as PostgreSQL writes them. ``kind``: a letter of ``acldefault()``, or the schema public.
    ``owner``: the owner's own name. ``additional``: the built-in defaults hold anyway.
    An empty list means that a default was revoked.
    """
    held = _held(acl)
    everything = _ALL[kind] + ("m" if kind == "r" and frame.major >= 17 else "")
    found: dict[str, list[str]] = {}
    defaults: Held = {}
    if owner is not None and not additional:
        defaults[owner, owner] = dict.fromkeys(everything, False)
        if kind in _PUBLIC:
            defaults["", owner] = dict.fromkeys(_PUBLIC[kind], False)
    for who in defaults.keys() | held.keys():
        has = held.get(who, {})
        if has != defaults.get(who, {}):
            words = found.setdefault(_label(who, owner, frame.common), [])
            words += _words(has, everything) if who != (owner, owner) else _own_words(has, everything)
    return {role: sorted(set(words)) for role, words in sorted(found.items())}


def _held(acl: Iterable[str]) -> Held:
    held: Held = {}
    for item in acl:
        match = _ITEM.fullmatch(item)
        if match is None:
            message = f"not an ACL item: {item!r}"
            raise ValueError(message)
        who = (_unquote(match[1]), _unquote(match[3]))
        letters = re.findall(r"([A-Za-z])(\*?)", match[2])
        held.setdefault(who, {}).update({letter: bool(star) for letter, star in letters})
    return held


def _unquote(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _label(who: tuple[str, str], owner: str | None, common: Callable[[str], str]) -> str:
    grantee, grantor = who
    label = common(grantee) if grantee else "PUBLIC"
    return label if owner is None or grantor == owner else f"{label} (granted by {common(grantor)})"


def _own_words(has: dict[str, bool], everything: str) -> list[str]:
    """Write what an owner has left; of MAINTAIN, which 17 brought, only that it is lost."""
    if "m" in has:
        return _words({letter: may for letter, may in has.items() if letter != "m"}, everything)
    lost = ["without MAINTAIN"] if "m" in everything and has and len(has) < len(everything) - 1 else []
    return _words(has, everything) + lost


def _words(has: dict[str, bool], everything: str) -> list[str]:
    words = []
    for grantable, ending in ((False, ""), (True, " WITH GRANT OPTION")):
        letters = {letter for letter, may in has.items() if may is grantable}
        names = ["ALL"] if letters == set(everything) else [WORDS.get(letter, letter) for letter in letters]
        words += [name + ending for name in names]
    return words
