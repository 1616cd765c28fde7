"""Dependencies that texts tell: the names in expressions, queries and lists of the properties of an object."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wish_rollout.core.remedy.graph.parts import DEFINITION, QUERY
from wish_rollout.core.remedy.graph.schema_index import RELATIONS, ROUTINES, SchemaIndex
from wish_rollout.core.schema.names import schema_of
from wish_rollout.core.schema.names_in_text import PART, WITHOUT_NAMES, WORD, find_qualified_names, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key

_OPERATOR = re.compile(rf"OPERATOR\(({PART}\.[^()\s]+)\)")
_ALIASES = re.compile(rf"(?:\)|ORDINALITY|{PART}\.{PART}) {PART}\({PART}(?:, {PART})*\)")
_OPERATOR_NAME = re.compile(rf"({PART}\.[^(\w\s\".]+)\(")
_NAMED_IN_EXPRESSIONS = frozenset(
    {"enum", "domain", "composite type", "range type", "base type", DEFINITION, "sequence", "collation"}
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
WITH_QUERY = frozenset({"view", QUERY, "materialized view", "rule", "function", "procedure", "policy"})
WITH_EXPRESSIONS = WITH_QUERY | {"column", "constraint", "default", "index", "statistics", "trigger"}
_NOT_NEEDED = {
    "sequence": frozenset({"owned by"}),
    "table": frozenset({"replica identity"}),
    "column": frozenset({"identity", "not null constraint"}),
    "operator": frozenset({"commutator", "negator"}),
}
_WITHOUT_COLUMNS = frozenset(
    {"type", "method", "match", "on update", "on delete", "storage parameters", "own name"}
)
"""Properties whose words are never names of columns."""


def lists_columns(properties: Properties) -> bool:
    """Return whether a query gives all columns of a table, a join or a function other names: ``public.t x(a, b)``.

    The list has a name for each column, also for those that the query does not use (manual, SELECT, FROM Clause).
    """
    return any(_ALIASES.search(text) for text in texts(properties))


class NamesInTexts(SchemaIndex):
    """The objects of one schema, found by their names in texts."""

    def named_by(self, kind: str, relevant: Properties, tables: set[str]) -> Iterator[Key]:
        """Yield the objects that the properties of an object of a kind name; add to ``tables`` the names found."""
        for text in find_qualified_names(relevant):
            tables.add(text)
            yield from self._named(kind, text, relevant)

    def _named(self, kind: str, text: str, relevant: Properties) -> Iterator[Key]:
        """Yield the objects that a dotted name in the properties of an object of this kind can mean."""
        kinds = _NAMED_IN_EXPRESSIONS | _NAMED_BESIDES.get(kind, frozenset())
        found = [other for other in self.by_name.get(text, ()) if other[0] in kinds]
        # a function in another language refuses a shell type
        is_shell_enough = kind == "function" and relevant.get("language") in {"c", "internal"}
        has_value = any(f"::{text}" in each or f"{text}[]" in each for each in texts(relevant))
        if is_shell_enough and not has_value:
            found = [other for other in found if other[0] != DEFINITION]
        routines = [other for other in found if other[0] in ROUTINES]
        if routines:
            found = [other for other in found if other not in routines]
            if any(f"{text}(" in each or f"{text}'" in each for each in texts(relevant)):
                exact = [other for other in routines if any(other[1] in each for each in texts(relevant))]
                found += exact or routines
        if kind in {"operator class", "operator family"} and any(each[0] not in RELATIONS for each in found):
            found = [other for other in found if other[0] not in RELATIONS]  # of the same name as a function
        yield from found
        if not found:
            yield from self.extensions.get(schema_of(text), ())

    def columns_named(self, kind: str, tables: set[str], relevant: Properties) -> Iterator[Key]:
        """Yield the columns of the tables concerned whose names occur in the texts."""
        if kind in {"column", "table", "sequence"} and "generated" not in relevant:
            return
        words: set[str] | None = None
        lists_all = kind in WITH_QUERY and lists_columns(relevant)
        for table in [*tables, *self._row_types(tables)] if lists_all else tables:
            columns = self.table_columns.get(table)
            if columns and lists_all:
                yield from (("column", f"{table}.{own}") for own in columns)
                continue
            if columns:
                if words is None:
                    values = [value for name, value in relevant.items() if name not in _WITHOUT_COLUMNS]
                    words = {match[0] for text in texts(values) for match in WORD.finditer(text)}
                yield from (("column", f"{table}.{own}") for own in columns & words)

    def _row_types(self, names: set[str]) -> Iterator[str]:
        """Yield the types that functions among the names return."""
        for name in names:
            for key in self.by_name.get(name, ()):
                if key[0] in ROUTINES:
                    yield from find_qualified_names({"type": self.objects[key].get("returns", "")})

    def casts_named(self, relevant: Properties, tables: set[str]) -> Iterator[Key]:
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

    def operators_named(self, kind: str, properties: Properties) -> Iterator[Key]:
        """Yield the operators in expressions, and those of classes, exclusion constraints and aggregates."""
        found = [match[1] for text in texts(properties) for match in _OPERATOR.finditer(text)]
        if kind in {"operator class", "operator family", "constraint", "aggregate"}:
            listed = texts({each: properties.get(each) or [] for each in ("operators", "sort operator")})
            found += [match[1] for text in listed for match in _OPERATOR_NAME.finditer(text)]
        for name in found if kind != "operator" else ():
            yield from (other for other in self.by_name.get(name, ()) if other[0] == "operator")


def properties_with_names(kind: str, name: str, properties: Properties) -> dict[str, Any]:
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
