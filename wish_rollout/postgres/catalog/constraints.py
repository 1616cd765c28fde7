"""Reads constraints and indexes. An index that belongs to a constraint is a part of that constraint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.catalog.catalog_rows import Properties, PropertyReader, Row, cell_getter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects
    from wish_rollout.postgres.catalog.index_keys import IndexKeyFormatter

_CONSTRAINT_CELLS = ("_oid", "_relation", "_domain", "_name", "_index", "_referenced", "_columns")


def add_constraints(
    found: CatalogObjects, names: Sequence[str], rows: Iterable[Row], trigger_modes: Mapping[int, str]
) -> dict[int, Properties]:
    """Add constraints; return the properties of those that have an index, by the OID of the index.

    ``trigger_modes``: by constraint OID, when the internal triggers of a foreign key fire, if not by default.
    """
    by_index: dict[int, Properties] = {}
    read_properties, get_cells = PropertyReader(names), cell_getter(names, *_CONSTRAINT_CELLS)
    for cells in rows:
        oid, relation, domain, name, index, referenced, numbers = get_cells(cells)
        properties = read_properties(cells)
        owner = found.tables.get(relation) or domain
        properties.update(found.extra_properties("pg_constraint", oid))
        if oid in trigger_modes:
            properties["triggers"] = trigger_modes[oid]
        if numbers and properties["type"] != "check":
            columns = found.columns.get(relation, {})
            properties["columns"] = [columns[number] for number in numbers if number > 0]
        if referenced:
            _add_reference(found, dict(zip(names, cells, strict=True)), properties)
        elif index:
            by_index[index] = properties
        found.add("constraint", f"{owner}.{name}", properties, owner)
    return by_index


def _add_reference(found: CatalogObjects, row: dict[str, Any], properties: Properties) -> None:
    if row["_elsewhere"]:
        properties["references"], *properties["referenced columns"] = row["_elsewhere"]
    else:
        referenced = found.columns[row["_referenced"]]
        properties["references"] = found.tables[row["_referenced"]]
        properties["referenced columns"] = [referenced[number] for number in row["_referenced_columns"]]
    if row["_set_columns"]:
        columns = found.columns[row["_relation"]]
        properties["on delete columns"] = sorted(columns[number] for number in row["_set_columns"])


def add_indexes(
    found: CatalogObjects,
    names: Sequence[str],
    rows: Iterable[Row],
    formatter: IndexKeyFormatter,
    constraints_by_index: Mapping[int, Properties],
) -> None:
    """Add indexes. An index of a constraint is not added as an object; its properties go to the constraint.

    ``constraints_by_index``: the properties of constraints by the OID of their index; they are changed.
    """
    read_properties, get_cells = PropertyReader(names), cell_getter(names, "_oid", "_relation", "_name")
    get_key_cells = cell_getter(names, *formatter.CELLS)
    for cells in rows:
        oid, relation, name = get_cells(cells)
        table = found.tables.get(relation)
        if table is None:
            continue
        properties = read_properties(cells)
        properties.update(formatter.properties(get_key_cells(cells), found))
        extra = found.extra_properties("pg_class", oid)
        constraint = constraints_by_index.get(oid)
        if constraint is None:
            found.add("index", name, {"table": table, **properties, **extra}, table)
            continue
        _merge_index(constraint, properties)
        constraint.update({f"index {name}": text for name, text in extra.items()})


def _merge_index(constraint: Properties, index: Properties) -> None:
    """Add the properties of an index that do not follow from its constraint."""
    index.pop("unique", None)
    if index["keys"] == constraint.get("columns"):
        del index["keys"]
    constraint.update(index)
