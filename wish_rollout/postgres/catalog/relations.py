"""Tables and what else has columns, the columns, and sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import bare
from wish_rollout.postgres.catalog.catalog_rows import PropertyReader, Properties, Row, owned, plain
from wish_rollout.postgres.catalog.default_names import default_name
from wish_rollout.postgres.catalog.privileges import privileges
from wish_rollout.postgres.expressions.definition_text import view_definition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects


def add_relations(reading: CatalogObjects, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add tables, views, materialized views and foreign tables."""
    told = PropertyReader(names)
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        reading.tables[row["_oid"]] = row["_name"]
        properties = told(cells)
        if row["_definition"] is not None:
            properties["definition"] = view_definition(row["_definition"])
        owned(properties, row, reading.frame)
        properties.update(reading.extra_properties("pg_class", row["_oid"]))
        reading.add(row["_kind"], row["_name"], properties)


def add_sequences(reading: CatalogObjects, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add sequences, but keep those of identity columns for the columns."""
    told = PropertyReader(names)
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        properties = told(cells)
        owned(properties, row, reading.frame)
        properties.update(reading.extra_properties("pg_class", row["_oid"]))
        if row["_relation"] is None:
            reading.names["pg_class", row["_oid"]] = row["_name"]
            reading.add("sequence", row["_name"], properties)
        else:
            properties.pop("owner", None)
            properties["sequence"] = row["_name"]
            reading.sequences[row["_relation"], row["_number"]] = properties


def add_columns(reading: CatalogObjects, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add the visible columns, which come in the order of their tables and numbers.

    Columns with equal properties share one mapping: that halves the memory of a large schema.
    """
    properties_of = _Columns(reading, names)
    relation, place = 0, 0
    numbers: dict[int, str] = {}
    comments: Any = {}
    table: str | None = None
    for cells in rows:
        if cells[0] != relation:
            relation, place = cells[0], 0
            table = reading.tables.get(relation)
            numbers = reading.columns[relation] = {}
            comments = reading.comments.get(("pg_class", relation), {})
            if table is not None and reading.frame.is_out_of_scope(table, None):
                table = None
        place += 1
        number = cells[1]
        numbers[number] = cells[2]
        if cells[4] not in (0, 100):
            reading.collations[relation, number] = cells[4]
        if table is None:
            continue
        properties = properties_of(table, place, cells, comments.get(number))
        if reading.frame.scope.ignore:
            reading.add("column", f"{table}.{cells[2]}", properties, table)
        else:
            reading.objects["column", f"{table}.{cells[2]}"] = properties


class _Columns:
    """The properties of columns, one mapping for those that are alike."""

    def __init__(self, reading: CatalogObjects, names: Sequence[str]) -> None:
        self.reading = reading
        self.names = names
        self.shared: dict[Any, Properties] = {}

    def __call__(self, table: str, place: int, cells: Row, comment: str | None) -> Properties:
        """Give the properties of one row."""
        privileges_, rare, identity = cells[3], cells[5], cells[9]
        if not (comment is privileges_ is rare is identity is None and place == cells[1]):
            return self.single(table, place, cells, comment)
        key = (place, cells[6:])
        found = self.shared.get(key)
        if found is None:
            found = self.shared[key] = self.single(table, place, cells, comment)
        return found

    def single(self, table: str, place: int, cells: Row, comment: str | None) -> Properties:
        """Give the properties of one row, in a mapping of its own."""
        properties: Properties = {"position": place, **plain(self.names, cells)}
        if cells[5] is not None:
            properties.update(plain(cells[5].keys(), cells[5].values()))
        if place != cells[1]:
            properties["attribute number"] = cells[1]
        if comment is not None:
            properties["comment"] = comment
        if cells[3] is not None:
            held = privileges(cells[3], "c", None, self.reading.frame)
            properties.update({"privileges": held} if held else {})
        if "identity" in properties:
            properties.update(self.identity(table, cells, properties.pop("identity")))
        return properties

    def identity(self, table: str, cells: Row, generated: str) -> Properties:
        """Give an identity with its sequence; from 17 on a partition has its parent's, which is told there."""
        own = self.reading.sequences.get((cells[0], cells[1]))
        if own is None:
            return {}
        sequence = dict(own)
        _leave_out_default_name(sequence, table, cells[2])
        return {"identity": {"generated": generated, **sequence}}


def _leave_out_default_name(sequence: Properties, table: str, column: str) -> None:
    schema, last = split_last(sequence.get("sequence", ""))
    default = default_name(bare(split_last(table)[1]), bare(column), "seq")
    if schema == split_last(table)[0] and bare(last) == default:
        del sequence["sequence"]
