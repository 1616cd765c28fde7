"""The dependencies between the objects of one schema, derived from their properties.

A snapshot is read with an empty search_path, so every name in it has its schema, and a name in a text is as
good as a row of pg_depend (manual, 5.15 Dependency Tracking). docs/decisions/0007 says why pg_depend itself is
not read. The graph may contain a dependency too many, for example on each overload of a function.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph import structure
from wish_rollout.core.remedy.graph.names_in_texts import (
    WITH_EXPRESSIONS,
    WITH_QUERY,
    NamesInTexts,
    properties_with_names,
)
from wish_rollout.core.remedy.graph.parts import DEFINITION, QUERY, reported, whole_name
from wish_rollout.core.remedy.graph.schema_index import RELATIONS, WHOLES, plain_name
from wish_rollout.core.schema.names import schema_of, split_last
from wish_rollout.core.schema.names_in_text import texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key


class Dependencies(NamesInTexts):
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
        yield from self._above(key, whole)
        relevant = properties_with_names(kind, name, properties)
        tables = {whole} if whole else set()
        yield from self.named_by(kind, relevant, tables)
        for table in structure.related_tables(properties):
            yield from (other for other in self.by_name.get(table, ()) if other[0] in RELATIONS)
        yield from self.columns_named(kind, tables, relevant)
        yield from structure.without_schema(self, key, properties)
        yield from self.operators_named(kind, properties)
        if kind in WITH_EXPRESSIONS:
            yield from self.casts_named(relevant, tables)
        yield from self._beside_texts(kind, name, properties)
        if kind in WITH_QUERY and any("GROUP BY" in text for text in texts(relevant)):
            yield from (other for table in tables for other in self.primary_keys.get(table, ()))

    def _above(self, key: Key, whole: str | None) -> Iterator[Key]:
        """Yield what an object is a part of: a column, a table, a domain, or its schema."""
        kind, name = key
        if kind == "default":
            yield from (each for each in (("column", name), ("domain", name)) if each in self.objects)
        elif kind in {DEFINITION, QUERY}:
            yield reported(key)
        elif whole is not None:
            yield from (other for other in self.by_name.get(whole, ()) if other[0] in WHOLES)
        is_own = (
            whole is None or kind == "statistics"
        )  # extended statistics can be in another schema than their table
        if (
            is_own
            and split_last(plain := plain_name(kind, name))[0]
            and ("schema", schema_of(plain)) in self.objects
        ):
            yield "schema", schema_of(plain)

    def _beside_texts(self, kind: str, name: str, properties: Properties) -> Iterator[Key]:
        """Yield what no name in a text tells: a parent's column, the key and partitions of a foreign key."""
        if kind == "column":
            yield from structure.parent_columns(self, name, properties)
        if properties.get("type") == "foreign key":
            yield from structure.referenced_keys(self, properties)
            yield from structure.partitions_below(self, properties["references"])
