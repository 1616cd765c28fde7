"""The dependencies between the objects of one schema, derived from their properties.

A snapshot is read with an empty search_path, so every name in it has its schema, and a name in a text is as
good as a row of pg_depend (manual, 5.15 Dependency Tracking). docs/decisions/0007 says why pg_depend itself is
not read. The graph may contain a dependency too many, for example on each overload of a function.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wish_rollout.core.remedy.graph.parts import part_name, whole_name
from wish_rollout.core.remedy.graph.schema_index import (
    RELATIONS,
    ROUTINES,
    WHOLES,
    SchemaIndex,
    parents_of,
    plain_name,
)
from wish_rollout.core.schema.names import schema_of, split_last
from wish_rollout.core.schema.names_in_text import PART, WITHOUT_NAMES, WORD, find_qualified_names, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key

KEY_TYPES = frozenset({"primary key", "unique"})
_OPERATOR = re.compile(rf"OPERATOR\(({PART}\.[^()\s]+)\)")
_OPERATOR_NAME = re.compile(rf"({PART}\.[^(\w\s\".]+)\(")
_NAMED_IN_EXPRESSIONS = frozenset(
    {"enum", "domain", "composite type", "range type", "base type", "sequence", "collation"}
    | {"text search configuration", *RELATIONS, *ROUTINES}
)
_NAMED_BESIDES = {
    "index": frozenset({"operator class"}),
    "constraint": frozenset({"operator class", "operator"}),
    "table": frozenset({"operator class"}),
    "range type": frozenset({"operator class"}),
    "aggregate": frozenset({"operator"}),
    "operator class": frozenset({"operator family", "operator"}),
    "operator family": frozenset({"operator"}),
    "text search configuration": frozenset({"text search parser", "text search dictionary"}),
    "text search dictionary": frozenset({"text search template"}),
}
"""Kinds that objects of a kind can name, besides what any expression can name."""
_WITH_QUERY = frozenset({"view", "materialized view", "rule", "function", "procedure", "policy"})
_WITH_EXPRESSIONS = _WITH_QUERY | {"column", "constraint", "default", "index", "statistics", "trigger"}
_NOT_NEEDED = {
    "sequence": frozenset({"owned by"}),
    "table": frozenset({"replica identity"}),
    "column": frozenset({"identity", "not null constraint"}),
    "operator": frozenset({"commutator", "negator"}),
}
_BARE_NAMES = {
    "foreign data wrapper": "foreign data wrapper",
    "server": "server",
    "language": "language",
    "access method": "access method",
    "method": "access method",
    "schema": "schema",
}
"""Properties that name an object that has no schema, and the kind of that object."""


class Dependencies(SchemaIndex):
    """The dependency graph of one schema."""

    def __init__(self, objects: Mapping[Key, Properties]) -> None:
        super().__init__(objects)
        self._needs: dict[Key, frozenset[Key]] = {}

    def needs(self, key: Key) -> frozenset[Key]:
        """Return the objects that have to exist for an object to exist."""
        if key not in self._needs:
            self._needs[key] = frozenset(self._find(key)) - {key}
        return self._needs[key]

    @cached_property
    def dependents(self) -> Mapping[Key, set[Key]]:
        """The objects that need an object."""
        found: dict[Key, set[Key]] = {}
        for key in self.objects:
            for other in self.needs(key):
                found.setdefault(other, set()).add(key)
        return found

    def _find(self, key: Key) -> Iterator[Key]:
        kind, name = key
        properties = self.objects[key]
        whole = whole_name(key, properties)
        if kind == "default":
            yield from (each for each in (("column", name), ("domain", name)) if each in self.objects)
        elif whole is not None:
            yield from (other for other in self.by_name.get(whole, ()) if other[0] in WHOLES)
        elif (schema := ("schema", schema_of(plain_name(kind, name)))) in self.objects:
            yield schema
        relevant = _relevant(kind, name, properties)
        tables = {whole} if whole else set()
        for text in find_qualified_names(relevant):
            tables.add(text)
            yield from self._named(kind, text, relevant)
        for table in _related_tables(properties):
            yield from (other for other in self.by_name.get(table, ()) if other[0] in RELATIONS)
        yield from self._columns(kind, tables, relevant)
        yield from self._without_schema(key, properties)
        yield from self._operators(kind, properties)
        if kind in _WITH_EXPRESSIONS:
            yield from self._casts(relevant, tables)
        yield from self._beside_texts(kind, name, properties)
        if kind in _WITH_QUERY and any("GROUP BY" in text for text in texts(relevant)):
            yield from (other for table in tables for other in self.primary_keys.get(table, ()))

    def _named(self, kind: str, text: str, relevant: Properties) -> Iterator[Key]:
        """Yield the objects that a dotted name in the properties of an object of this kind can mean."""
        kinds = _NAMED_IN_EXPRESSIONS | _NAMED_BESIDES.get(kind, frozenset())
        found = [other for other in self.by_name.get(text, ()) if other[0] in kinds]
        routines = [other for other in found if other[0] in ROUTINES]
        if routines:
            found = [other for other in found if other not in routines]
            if any(f"{text}(" in each or f"{text}'" in each for each in texts(relevant)):
                exact = [other for other in routines if any(other[1] in each for each in texts(relevant))]
                found += exact or routines
        yield from found
        if not found:
            yield from self.extensions.get(schema_of(text), ())

    def _columns(self, kind: str, tables: set[str], relevant: Properties) -> Iterator[Key]:
        """Yield the columns of the tables concerned whose names occur in the texts."""
        if kind in {"column", "table", "sequence"} and "generated" not in relevant:
            return
        words: set[str] | None = None
        for table in tables:
            columns = self.table_columns.get(table)
            if columns:
                if words is None:
                    words = {match[0] for text in texts(relevant) for match in WORD.finditer(text)}
                yield from (("column", f"{table}.{own}") for own in columns & words)

    def _casts(self, relevant: Properties, tables: set[str]) -> Iterator[Key]:
        """Yield the casts that an expression can use: it names the target type, and something has the source type."""
        for key in self.made_casts:
            source, _, target = key[1][1:-1].partition(" AS ")
            if any(f"::{target}" in text for text in texts(relevant)):
                types = {
                    self.objects["column", f"{table}.{own}"]["type"]
                    for table in tables
                    for own in self.table_columns.get(table, ())
                }
                if source in types or source in find_qualified_names(relevant):
                    yield key

    def _beside_texts(self, kind: str, name: str, properties: Properties) -> Iterator[Key]:
        """Yield what no name in a text tells: a parent's column, the key and partitions of a foreign key."""
        if kind == "column":
            yield from self._inherited(name, properties)
        if properties.get("type") == "foreign key":
            yield from self._referenced_keys(properties)
            yield from self._descendants(properties["references"])

    def _without_schema(self, key: Key, properties: Properties) -> Iterator[Key]:
        """Yield what is named without a schema: a wrapper, a server, an extension, a language."""
        kind, name = key
        named: list[tuple[str, str]] = [
            (of, value) for what, of in _BARE_NAMES.items() if isinstance(value := properties.get(what), str)
        ]
        named += [("extension", each) for each in properties.get("depends on extensions", ())]
        named += [("schema", each) for each in properties.get("schemas", None) or ()]
        named.append(("index", str(properties.get("attached to"))))
        if kind == "user mapping":
            named.append(("server", name.rsplit(" SERVER ", 1)[1]))
        if kind == "default privileges" and " IN SCHEMA " in name:
            named.append(("schema", name.split(" IN SCHEMA ", 1)[1].rsplit(" ON ", 1)[0]))
        for other in named:
            if other in self.objects and (other[0] != "language" or "handler" in self.objects[other]):
                yield other

    def _operators(self, kind: str, properties: Properties) -> Iterator[Key]:
        """Yield the operators in expressions, and in the lists of classes and exclusion constraints."""
        found = [match[1] for text in texts(properties) for match in _OPERATOR.finditer(text)]
        if kind in {"operator class", "operator family", "constraint"}:
            listed = texts({"of": properties.get("operators", None) or []})
            found += [match[1] for text in listed for match in _OPERATOR_NAME.finditer(text)]
        for name in found if kind != "operator" else ():
            yield from (other for other in self.by_name.get(name, ()) if other[0] == "operator")

    def _inherited(self, name: str, properties: Properties) -> Iterator[Key]:
        if properties.get("inherited"):
            table, own = split_last(name)
            for kind in ("table", "foreign table"):
                for parent in parents_of(self.objects.get((kind, table), {})):
                    if ("column", f"{parent}.{own}") in self.objects:
                        yield "column", f"{parent}.{own}"

    def _referenced_keys(self, properties: Properties) -> Iterator[Key]:
        """Yield the constraints and indexes that a foreign key can reference (manual, CREATE TABLE, REFERENCES)."""
        table, columns = properties["references"], set(properties["referenced columns"])
        yield from (
            ("column", f"{table}.{own}") for own in columns if ("column", f"{table}.{own}") in self.objects
        )
        found = [
            other
            for other in self.parts.get(table, ())
            if _is_key(self.objects[other]) and set(_key_columns(self.objects[other])) == columns
        ]
        noted = properties.get("referenced index")
        exact = [other for other in found if part_name(other) == noted]
        yield from exact or found

    def _descendants(self, table: str) -> Iterator[Key]:
        """Yield the partitions of a table, on which a foreign key to the table depends too."""
        for child in self.children.get(table, ()):
            if "partition of" in self.objects.get(("table", child), {}):
                yield "table", child
                yield from self._descendants(child)


def _related_tables(properties: Properties) -> Iterator[str]:
    """Yield the tables that properties name by themselves."""
    yield from parents_of(properties)
    for name in ("references", "table"):
        if isinstance(value := properties.get(name), str):
            yield value


def _relevant(kind: str, name: str, properties: Properties) -> dict[str, Any]:
    """Return the properties that name other objects: a body in text form is only a string to PostgreSQL."""
    skipped = (
        _NOT_NEEDED.get(kind, frozenset())
        | WITHOUT_NAMES
        | {"body", "inherits", "partition of", "references", "table", "attached to"}
    )
    found = {key: value for key, value in properties.items() if key not in skipped}
    if kind in {"cast", "operator", "transform"}:
        found["own name"] = name
    return found


def _is_key(properties: Properties) -> bool:
    if "type" in properties:
        return properties["type"] in KEY_TYPES
    return bool(properties.get("unique")) and "predicate" not in properties


def _key_columns(properties: Properties) -> list[str]:
    return list(properties.get("columns") or properties.get("keys") or ())
