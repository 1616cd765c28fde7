"""Types that a schema names and does not contain: those of an extension that is not in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.names_in_text import QUALIFIED_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key, Snapshot

_TYPED = frozenset({"column", "domain"})
_TYPES = frozenset(
    {"enum", "domain", "composite type", "range type", "base type", "table", "view", "materialized view"}
    | {"foreign table"}
)


def find_missing_type(schema: Snapshot) -> tuple[str, str] | None:
    """Return an object and the type that it names, if nothing in the schema has that type; None if there is none.

    A type is looked for if its schema was read; what an extension owns is in no snapshot, so a schema with an
    extension can have any type.
    """
    objects = schema.objects
    known = {name for kind, name in objects if kind in _TYPES}
    known |= {str(each["multirange"]) for each in objects.values() if "multirange" in each}
    read = {name for kind, name in objects if kind == "schema"}
    read -= {properties["schema"] for (kind, _), properties in objects.items() if kind == "extension"}
    for key, properties in sorted(objects.items(), key=lambda each: each[0]):
        for text in _type_texts(key, properties):
            match = QUALIFIED_NAME.match(text)
            if match and match[0] not in known and split_last(match[0])[0] in read:
                return " ".join(key), match[0]
    return None


def _type_texts(key: Key, properties: Properties) -> Iterator[str]:
    if key[0] in _TYPED:
        yield str(properties["type"])
    for attribute in (properties.get("attributes") or ()) if key[0] == "composite type" else ():
        yield attribute["type"]
