"""Constraints and indexes. An index behind a constraint is a part of that constraint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.catalog.catalog_rows import PropertyReader, Properties, Row, cells_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects
    from wish_rollout.postgres.catalog.index_keys import IndexKeyFormatter

_CONSTRAINT = ("_oid", "_relation", "_domain", "_name", "_index", "_referenced", "_columns")


def add_constraints(
    reading: CatalogObjects, names: Sequence[str], rows: Iterable[Row], firing: Mapping[int, str]
) -> dict[int, Properties]:
    """Add constraints; give the properties of those with an index, by the index's number.

    ``firing``: how a foreign key's internal triggers fire, where not as usual.
    """
    behind: dict[int, Properties] = {}
    told, cells_wanted = PropertyReader(names), cells_of(names, *_CONSTRAINT)
    for cells in rows:
        oid, relation, domain, name, index, referenced, numbers = cells_wanted(cells)
        properties = told(cells)
        owner = reading.tables.get(relation) or domain
        properties.update(reading.extra_properties("pg_constraint", oid))
        if oid in firing:
            properties["triggers"] = firing[oid]
        if numbers and properties["type"] != "check":
            columns = reading.columns.get(relation, {})
            properties["columns"] = [columns[number] for number in numbers if number > 0]
        if referenced:
            _reference(reading, dict(zip(names, cells, strict=True)), properties)
        elif index:
            behind[index] = properties
        reading.add("constraint", f"{owner}.{name}", properties, owner)
    return behind


def _reference(reading: CatalogObjects, row: dict[str, Any], properties: Properties) -> None:
    if row["_elsewhere"]:
        properties["references"], *properties["referenced columns"] = row["_elsewhere"]
    else:
        there = reading.columns[row["_referenced"]]
        properties["references"] = reading.tables[row["_referenced"]]
        properties["referenced columns"] = [there[number] for number in row["_referenced_columns"]]
    if row["_set_columns"]:
        columns = reading.columns[row["_relation"]]
        properties["on delete columns"] = sorted(columns[number] for number in row["_set_columns"])


def add_indexes(
    reading: CatalogObjects,
    names: Sequence[str],
    rows: Iterable[Row],
    keys: IndexKeyFormatter,
    behind: Mapping[int, Properties],
) -> None:
    """Add indexes, and to constraints what their indexes tell."""
    told, cells_wanted = PropertyReader(names), cells_of(names, "_oid", "_relation", "_name")
    wanted = cells_of(names, *keys.WANTED)
    for cells in rows:
        oid, relation, name = cells_wanted(cells)
        table = reading.tables.get(relation)
        if table is None:
            continue
        properties = told(cells)
        properties.update(keys.properties(wanted(cells), reading))
        extra_properties = reading.extra_properties("pg_class", oid)
        constraint = behind.get(oid)
        if constraint is None:
            reading.add("index", name, {"table": table, **properties, **extra_properties}, table)
            continue
        _merge(constraint, properties)
        constraint.update({f"index {name}": text for name, text in extra_properties.items()})


def _merge(constraint: Properties, index: Properties) -> None:
    """Add what a constraint does not tell itself about its index."""
    index.pop("unique", None)
    if index["keys"] == constraint.get("columns"):
        del index["keys"]
    constraint.update(index)
