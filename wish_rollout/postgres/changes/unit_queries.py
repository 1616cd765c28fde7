"""Queries of units: which queries read the objects that a transaction wrote, and under which names they are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import parent_object
from wish_rollout.postgres.changes.changed_units import NOTHING, Units

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.schema.snapshot import Json
    from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects
    from wish_rollout.postgres.changes.written_rows import Rows, Written

WHERE = {
    "pg_constraint": ("constraints", "not_nulls"),
    "pg_trigger": ("triggers", "disabled_constraints"),
    "pg_rewrite": ("rules",),
    "pg_policy": ("policies",),
}
"""Queries that find something only where a relation or a type has rows in a catalog."""
PARTS = ("pg_class", "pg_constraint", "pg_trigger", "pg_rewrite", "pg_policy")
TYPES = {"enums": "e", "domains": "d", "composite_types": "c", "range_types": "rm", "base_types": "bp"}
"""The queries of types, and the kinds of types (manual, pg_type.typtype) that each finds."""
ALL_QUERIES = (
    *("comments", "relations", "columns", "sequences", "constraints", "not_nulls", "disabled_constraints"),
    *("triggers", "rules", "policies", "indexes", "index_columns", "collation_names", "functions", *TYPES),
)
KINDS = frozenset(
    {"table", "view", "materialized view", "foreign table", "sequence", "function", "procedure", "enum"}
    | {"domain", "composite type", "range type", "base type", "column", "constraint", "index", "trigger"}
    | {"rule", "policy"}
)
"""The kinds that units consist of."""


def queries_of(units: Units, written: Written, parts: set[int], known: Rows) -> Iterator[str]:
    """Name the queries that can find something of the units."""

    def has(catalog: str, *kinds: str) -> bool:
        old, new = known[catalog], written.rows.get(catalog, {})
        found = (new.get((part, 0)) or old.get((part, 0)) for part in parts)
        return any(entry is not None and (not kinds or entry.kind in kinds) for entry in found)

    if known["pg_description"] or "pg_description" in written.rows:
        yield "comments"
    if units.relations:
        yield from ("relations", "columns")
    if units.sequences or has("pg_class", "S"):
        yield "sequences"
    for catalog, names in WHERE.items():
        if has(catalog):
            yield from names
    if has("pg_class", "i", "I"):
        yield from ("indexes", "index_columns", "collation_names")
    if units.functions:
        yield "functions"
    if units.types:
        new, old = written.rows.get("pg_type", {}), known["pg_type"]
        kinds = {(new.get((oid, 0)) or old.get((oid, 0)) or NOTHING).kind for oid in units.types}
        yield from (name for name, found in TYPES.items() if kinds & set(found))


def names_of(units: Units, old: CatalogObjects) -> Iterator[str]:
    """Yield the names that the units had."""
    yield from (old.tables[oid] for oid in units.relations if oid in old.tables)
    for catalog, oids in (
        ("pg_class", units.sequences),
        ("pg_proc", units.functions),
        ("pg_type", units.types),
    ):
        yield from (old.names[catalog, oid] for oid in oids if (catalog, oid) in old.names)


def forget(units: Units, reading: CatalogObjects) -> None:
    """Forget the names and columns of units; those that are still there are read again."""
    for oid in units.relations:
        reading.tables.pop(oid, None)
        reading.columns.pop(oid, None)
    for oid in units.sequences:
        reading.names.pop(("pg_class", oid), None)
    for oid in units.functions:
        reading.names.pop(("pg_proc", oid), None)
    for oid in units.types:
        reading.names.pop(("pg_type", oid), None)


def group_of(kind: str, name: str, properties: Mapping[str, Json]) -> str:
    """Return what the keys of one unit have in common: its name, or for other kinds a name of their own."""
    return (parent_object(kind, name, properties) or name) if kind in KINDS else f"{kind} {name}"
