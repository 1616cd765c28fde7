"""Default privileges of an environment, and the objects that get them when a revision creates them.

Manual, ALTER DEFAULT PRIVILEGES: they apply to objects that are created later, by the role that they are for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from wish_rollout.core.schema.names import schema_of, split_last
from wish_rollout.core.schema.scope import MIGRATOR
from wish_rollout.core.schema.snapshot import Json, Key, Snapshot

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from wish_rollout.core.schema.change import Change

Entries: TypeAlias = Mapping[Key, Mapping[str, Json]]
"""Objects of the kind ``default privileges``, by kind and name."""
_NAME = re.compile(r"FOR ROLE (.*?)(?: IN SCHEMA (.*))? ON ([A-Z ]+)", re.DOTALL)
_OBJECT_TYPES = {
    **dict.fromkeys(("table", "view", "materialized view", "foreign table"), "TABLES"),
    "sequence": "SEQUENCES",
    **dict.fromkeys(("function", "procedure", "aggregate"), "FUNCTIONS"),
    **dict.fromkeys(("enum", "domain", "composite type", "range type", "base type"), "TYPES"),
    "schema": "SCHEMAS",
}
"""By kind: the key word of ALTER DEFAULT PRIVILEGES."""
_BUILT_IN = {"FUNCTIONS": ["EXECUTE"], "TYPES": ["USAGE"]}
"""The privileges of PUBLIC that a snapshot omits, because every new object has them."""


def add_default_privileges(snapshot: Snapshot, entries: Entries, except_for: Container[Key]) -> Snapshot:
    """Return a snapshot in which objects have the privileges of these default privileges.

    ``entries``: objects of the kind ``default privileges``. ``except_for``: the objects that existed before them.
    """
    if not entries:
        return snapshot
    changed: dict[Key, Mapping[str, Json]] = {}
    for key, properties in snapshot.objects.items():
        if key in except_for:
            continue
        if key[0] == "column" and "identity" in properties:
            name = split_last(key[1])[0]
            granted = _granted(entries, "SEQUENCES", name, MIGRATOR)
            if granted:
                identity = {
                    **properties["identity"],
                    "privileges": merge_privileges(properties["identity"], granted),
                }
                changed[key] = {**properties, "identity": identity}
        elif granted := _granted_to(entries, key, properties):
            changed[key] = {**properties, "privileges": merge_privileges(properties, granted)}
    return Snapshot({**snapshot.objects, **changed}, snapshot.readable_properties) if changed else snapshot


def is_explained_by(entries: Entries, change: Change, promise: Mapping[str, Json]) -> bool:
    """Return whether default privileges explain the whole change of an object: only privileges that they give."""
    if change.change != "changed" or not entries:
        return False
    if set(change.properties) == {"privileges"}:
        granted = _granted_to(entries, (change.kind, change.name), promise)
        return bool(granted) and change.properties["privileges"][1] == merge_privileges(promise, granted)
    if change.kind == "column" and set(change.properties) == {"identity"}:
        granted = _granted(entries, "SEQUENCES", change.name, MIGRATOR)
        old, new = change.properties["identity"]
        return bool(granted) and new == {**old, "privileges": merge_privileges(old, granted)}
    return False


def merge_privileges(
    properties: Mapping[str, Json], granted: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    """Return an object's privileges together with those of default privileges."""
    merged = {role: list(names) for role, names in properties.get("privileges", {}).items()}
    for role, names in granted.items():
        both = {*merged.get(role, ()), *names}
        merged[role] = ["ALL"] if "ALL" in both and role != "PUBLIC" else sorted(both)
    return dict(sorted(merged.items()))


def _granted_to(entries: Entries, key: Key, properties: Mapping[str, Json]) -> dict[str, list[str]]:
    object_type = _OBJECT_TYPES.get(key[0])
    return _granted(entries, object_type, key[1], properties.get("owner", MIGRATOR)) if object_type else {}


def _granted(entries: Entries, object_type: str, name: str, owner: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for privileges in _matching(
        entries, object_type, "" if object_type == "SCHEMAS" else schema_of(name), owner
    ):
        for role, names in privileges.items():
            if role == "PUBLIC" and names == _BUILT_IN.get(object_type):
                continue
            found[role] = sorted({*found.get(role, ()), *names})
    return found


def _matching(
    entries: Entries, object_type: str, schema: str, owner: str
) -> Iterator[Mapping[str, list[str]]]:
    for _, name in entries:
        match = _NAME.fullmatch(name)
        if match and match[3] == object_type and match[2] in (None, schema) and match[1] in (owner, MIGRATOR):
            yield entries["default privileges", name]["privileges"]
