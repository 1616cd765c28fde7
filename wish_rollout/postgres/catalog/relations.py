"""Reads tables, views, materialized views, foreign tables, their columns, and sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import unquote_identifier
from wish_rollout.postgres.catalog.catalog_rows import (
    Properties,
    PropertyReader,
    Row,
    add_owner_and_privileges,
    row_properties,
)
from wish_rollout.postgres.catalog.default_names import default_name
from wish_rollout.postgres.catalog.privileges import non_default_privileges
from wish_rollout.postgres.expressions.definition_text import normalize_view_definition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects


def add_relations(found: CatalogObjects, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add tables, views, materialized views and foreign tables."""
    read_properties = PropertyReader(names)
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        found.tables[row["_oid"]] = row["_name"]
        properties = read_properties(cells)
        if row["_definition"] is not None:
            properties["definition"] = normalize_view_definition(row["_definition"])
        add_owner_and_privileges(properties, row, found.context)
        properties.update(found.extra_properties("pg_class", row["_oid"]))
        found.add(row["_kind"], row["_name"], properties)


def add_sequences(found: CatalogObjects, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add sequences. The sequence of an identity column becomes a property of that column in ``add_columns``."""
    read_properties = PropertyReader(names)
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        properties = read_properties(cells)
        add_owner_and_privileges(properties, row, found.context)
        properties.update(found.extra_properties("pg_class", row["_oid"]))
        if row["_relation"] is None:
            found.names["pg_class", row["_oid"]] = row["_name"]
            found.add("sequence", row["_name"], properties)
        else:
            properties.pop("owner", None)
            properties["sequence"] = row["_name"]
            found.sequences[row["_relation"], row["_number"]] = properties


def add_columns(found: CatalogObjects, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add the columns, except dropped and system columns. ``rows`` are ordered by table and column number.

    Columns with equal properties share one mapping, which halves the memory that a large schema takes.
    """
    read_properties = _ColumnProperties(found, names)
    relation, position = 0, 0
    numbers: dict[int, str] = {}
    comments: Any = {}
    table: str | None = None
    for cells in rows:
        if cells[0] != relation:
            relation, position = cells[0], 0
            table = found.tables.get(relation)
            numbers = found.columns[relation] = {}
            comments = found.comments.get(("pg_class", relation), {})
            if table is not None and found.context.is_out_of_scope(table, None):
                table = None
        position += 1
        number = cells[1]
        numbers[number] = cells[2]
        if cells[4] not in (0, 100):
            found.collations[relation, number] = cells[4]
        if table is None:
            continue
        properties = read_properties(table, position, cells, comments.get(number))
        if found.context.scope.ignore:
            found.add("column", f"{table}.{cells[2]}", properties, table)
        else:
            found.objects["column", f"{table}.{cells[2]}"] = properties


class _ColumnProperties:
    """Converts rows to the properties of columns; equal properties are one shared mapping."""

    def __init__(self, found: CatalogObjects, names: Sequence[str]) -> None:
        self.found = found
        self.names = names
        self.shared: dict[Any, Properties] = {}

    def __call__(self, table: str, position: int, cells: Row, comment: str | None) -> Properties:
        """Return the properties of one row. The caller must not change the returned mapping."""
        acl, rare, identity = cells[3], cells[5], cells[9]
        if not (comment is acl is rare is identity is None and position == cells[1]):
            return self.read(table, position, cells, comment)
        key = (position, cells[6:])
        properties = self.shared.get(key)
        if properties is None:
            properties = self.shared[key] = self.read(table, position, cells, comment)
        return properties

    def read(self, table: str, position: int, cells: Row, comment: str | None) -> Properties:
        """Return the properties of one row in a new mapping."""
        properties: Properties = {"position": position, **row_properties(self.names, cells)}
        if cells[5] is not None:
            properties.update(row_properties(cells[5].keys(), cells[5].values()))
        if position != cells[1]:
            properties["attribute number"] = cells[1]
        if comment is not None:
            properties["comment"] = comment
        if cells[3] is not None:
            privileges = non_default_privileges(cells[3], "c", None, self.found.context)
            properties.update({"privileges": privileges} if privileges else {})
        if "identity" in properties:
            properties.update(self.identity(table, cells, properties.pop("identity")))
        return properties

    def identity(self, table: str, cells: Row, generated: str) -> Properties:
        """Return an identity column's sequence as a property.

        From PostgreSQL 17 on a partition uses the sequence of its parent; the partition then has no property.
        """
        sequence = self.found.sequences.get((cells[0], cells[1]))
        if sequence is None:
            return {}
        sequence = dict(sequence)
        _remove_default_name(sequence, table, cells[2])
        return {"identity": {"generated": generated, **sequence}}


def _remove_default_name(sequence: Properties, table: str, column: str) -> None:
    schema, name = split_last(sequence.get("sequence", ""))
    default = default_name(unquote_identifier(split_last(table)[1]), unquote_identifier(column), "seq")
    if schema == split_last(table)[0] and unquote_identifier(name) == default:
        del sequence["sequence"]
