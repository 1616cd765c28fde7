"""The names that an object takes, so that no other object can have them at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.environment.conflicting_objects import (
    KINDS_WITH_ROW_TYPE,
    RELATIONS,
    catalog_namespace,
)
from wish_rollout.core.remedy.identity_sequences import own_sequence
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import split_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key

_WITH_INDEX = frozenset({"primary key", "unique", "exclusion"})


def claims(key: Key, properties: Properties) -> Iterator[tuple[str, str]]:
    """Yield namespace and name: relations share pg_class, and each relation has a row type of its name."""
    kind, name = key
    if kind == "column":
        if identity := properties.get("identity"):
            table, own = split_last(name)
            yield "relation", _unquoted(own_sequence(table, own, identity.get("sequence")))
    elif kind == "constraint":
        if properties["type"] in _WITH_INDEX:
            whole, own = split_last(name)
            yield "relation", _unquoted(f"{split_last(whole)[0]}.{own}")
        yield "constraint", name
    elif kind == "trigger" and properties.get("constraint"):
        yield "constraint", name
    elif kind == "operator class":
        yield catalog_namespace(kind), name
        if properties.get("default"):
            yield "default operator class", f"{properties['type']} USING {name.rsplit(' USING ', 1)[1]}"
    elif kind in RELATIONS:
        yield "relation", _unquoted(name)
        if kind in KINDS_WITH_ROW_TYPE or kind == "composite type":
            yield "type", _unquoted(name)
    else:
        yield catalog_namespace(kind), _unquoted(name) if catalog_namespace(kind) == "type" else name


def _unquoted(name: str) -> str:
    return "\0".join(split_name(name))
