"""Dependencies on keys, partitions and parents, which no name in a text tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.parts import part_name
from wish_rollout.core.remedy.graph.schema_index import parents_of
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.graph.schema_index import SchemaIndex
    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key

KEY_TYPES = frozenset({"primary key", "unique"})
_BARE_NAMES = {
    "foreign data wrapper": "foreign data wrapper",
    "server": "server",
    "language": "language",
    "access method": "access method",
    "method": "access method",
    "schema": "schema",
}
"""Properties that name an object that has no schema, and the kind of that object."""


def without_schema(index: SchemaIndex, key: Key, properties: Properties) -> Iterator[Key]:
    """Yield what is named without a schema: a wrapper, a server, an extension, a language."""
    kind, name = key
    named: list[tuple[str, str]] = [
        (of, value) for what, of in _BARE_NAMES.items() if isinstance(value := properties.get(what), str)
    ]
    named += [("extension", each) for each in properties.get("depends on extensions", ())]
    named += [("schema", each) for each in properties.get("schemas", None) or ()]
    named.append(("index", str(properties.get("attached to"))))
    named += [
        ("transform", f"FOR {each} LANGUAGE {properties.get('language')}")
        for each in properties.get("transforms", None) or ()
    ]
    if kind == "user mapping":
        named.append(("server", name.rsplit(" SERVER ", 1)[1]))
    if kind == "default privileges" and " IN SCHEMA " in name:
        named.append(("schema", name.split(" IN SCHEMA ", 1)[1].rsplit(" ON ", 1)[0]))
    for other in named:
        if other in index.objects and (other[0] != "language" or "handler" in index.objects[other]):
            yield other


def parent_columns(index: SchemaIndex, name: str, properties: Properties) -> Iterator[Key]:
    """Yield the columns of the parents from which a column is inherited."""
    if properties.get("inherited"):
        table, own = split_last(name)
        for kind in ("table", "foreign table"):
            for parent in parents_of(index.objects.get((kind, table), {})):
                if ("column", f"{parent}.{own}") in index.objects:
                    yield "column", f"{parent}.{own}"


def referenced_keys(index: SchemaIndex, properties: Properties) -> Iterator[Key]:
    """Yield the constraints and indexes that a foreign key can reference (manual, CREATE TABLE, REFERENCES)."""
    table, columns = properties["references"], set(properties["referenced columns"])
    yield from (
        ("column", f"{table}.{own}") for own in columns if ("column", f"{table}.{own}") in index.objects
    )
    found = [
        other
        for other in index.parts.get(table, ())
        if _is_key(index.objects[other]) and set(_key_columns(index.objects[other])) == columns
    ]
    noted = properties.get("referenced index")
    exact = [other for other in found if part_name(other) == noted]
    yield from exact or found


def partitions_below(index: SchemaIndex, table: str) -> Iterator[Key]:
    """Yield the partitions of a table at all levels, on which a foreign key to the table depends too."""
    for child in index.children.get(table, ()):
        if "partition of" in index.objects.get(("table", child), {}):
            yield "table", child
            yield from partitions_below(index, child)


def related_tables(properties: Properties) -> Iterator[str]:
    """Yield the tables that properties name by themselves."""
    yield from parents_of(properties)
    for name in ("references", "table"):
        if isinstance(value := properties.get(name), str):
            yield value


def _is_key(properties: Properties) -> bool:
    if "type" in properties:
        return properties["type"] in KEY_TYPES
    return bool(properties.get("unique")) and "predicate" not in properties


def _key_columns(properties: Properties) -> list[str]:
    return list(properties.get("columns") or properties.get("keys") or ())
