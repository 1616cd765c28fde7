"""Converts access control lists to privilege names, without the default privileges. Manual, "Privileges"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wish_rollout.postgres.catalog.read_context import ReadContext

PRIVILEGE_NAMES = {
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
# By the type letters of acldefault(): every privilege that can be granted on an object of the type.
_GRANTABLE = {
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
# By the same letters: the privileges of PUBLIC by default. Schema public has its own defaults, which changed in 15.
_PUBLIC_DEFAULTS = {"f": "X", "l": "U", "T": "U", "public": "U", "public 14": "UC"}
_ACL_ITEM = re.compile(r'("(?:[^"]|"")*"|[^"=]*)=([A-Za-z*]*)/("(?:[^"]|"")*"|[^"]*)', re.DOTALL)

Grants = dict[tuple[str, str], dict[str, bool]]
"""(grantee, grantor) → privilege letter → whether with grant option."""


def non_default_privileges(
    acl: Iterable[str], object_type: str, owner: str | None, context: ReadContext, *, additional: bool = False
) -> dict[str, list[str]]:
    """Return the privileges of each role that differ from the default ones, by the role's common name.

    ``acl``: aclitem values as text. ``object_type``: a letter of ``acldefault()``, or ``public`` or ``public 14``
    for the schema public. ``owner``: the owner's name in this cluster. ``additional``: the list is in addition to
    the built-in default privileges. An empty list of a role means that its default privileges were revoked.
    Raises ValueError for text that is not an aclitem.
    """
    grants = _parse_acl(acl)
    grantable = _GRANTABLE[object_type] + ("m" if object_type == "r" and context.major >= 17 else "")
    found: dict[str, list[str]] = {}
    defaults: Grants = {}
    if owner is not None and not additional:
        defaults[owner, owner] = dict.fromkeys(grantable, False)
        if object_type in _PUBLIC_DEFAULTS:
            defaults["", owner] = dict.fromkeys(_PUBLIC_DEFAULTS[object_type], False)
    for roles in defaults.keys() | grants.keys():
        granted = grants.get(roles, {})
        if granted != defaults.get(roles, {}):
            names = found.setdefault(_role_label(roles, owner, context.common_name), [])
            is_owner = roles == (owner, owner)
            names += (
                _owner_privileges(granted, grantable) if is_owner else _privilege_names(granted, grantable)
            )
    return {role: sorted(set(names)) for role, names in sorted(found.items())}


def _parse_acl(acl: Iterable[str]) -> Grants:
    grants: Grants = {}
    for item in acl:
        match = _ACL_ITEM.fullmatch(item)
        if match is None:
            message = f"not an ACL item: {item!r}"
            raise ValueError(message)
        roles = (_unquote(match[1]), _unquote(match[3]))
        letters = re.findall(r"([A-Za-z])(\*?)", match[2])
        grants.setdefault(roles, {}).update({letter: bool(star) for letter, star in letters})
    return grants


def _unquote(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _role_label(roles: tuple[str, str], owner: str | None, common_name: Callable[[str], str]) -> str:
    grantee, grantor = roles
    label = common_name(grantee) if grantee else "PUBLIC"
    return label if owner is None or grantor == owner else f"{label} (granted by {common_name(grantor)})"


def _owner_privileges(granted: dict[str, bool], grantable: str) -> list[str]:
    """Return the privileges that an owner has left.

    MAINTAIN exists from PostgreSQL 17 on. It is shown only if it was revoked, so that all versions are equal.
    """
    if "m" in granted:
        return _privilege_names(
            {letter: option for letter, option in granted.items() if letter != "m"}, grantable
        )
    is_revoked = "m" in grantable and granted and len(granted) < len(grantable) - 1
    return _privilege_names(granted, grantable) + (["without MAINTAIN"] if is_revoked else [])


def _privilege_names(granted: dict[str, bool], grantable: str) -> list[str]:
    names = []
    for grant_option, ending in ((False, ""), (True, " WITH GRANT OPTION")):
        letters = {letter for letter, option in granted.items() if option is grant_option}
        if letters == set(grantable):
            names.append("ALL" + ending)
        else:
            names += [PRIVILEGE_NAMES.get(letter, letter) + ending for letter in letters]
    return names
