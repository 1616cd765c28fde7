"""Kinds whose names or privileges need more than their row: default privileges, user mappings, NOT NULLs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.catalog.catalog_rows import Row, plain
from wish_rollout.postgres.catalog.default_names import default_name
from wish_rollout.postgres.catalog.privileges import privileges

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects

_ON = {
    "r": ("TABLES", "r"),
    "S": ("SEQUENCES", "s"),
    "f": ("FUNCTIONS", "f"),
    "T": ("TYPES", "T"),
    "n": ("SCHEMAS", "n"),
    "L": ("LARGE OBJECTS", "L"),
}


def add_default_privileges(reading: CatalogObjects, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add default privileges, by role, schema and kind of object.

    Those of a schema are in addition to the global ones; the global ones stand for the built-in ones.
    """
    frame = reading.frame
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        word, letter = _ON[row["_type"]]
        inside = f" IN SCHEMA {row['_schema']}" if row["_schema"] else ""
        owner = frame.roles.get(row["_role"])
        held = privileges(row["_acl"], letter, owner, frame, additional=bool(row["_schema"]))
        if held:
            name = f"FOR ROLE {frame.role(row['_role'])}{inside} ON {word}"
            reading.add("default privileges", name, {"privileges": held})


def add_user_mappings(reading: CatalogObjects, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add user mappings, by role and server."""
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        name = f"FOR {reading.frame.role(row['_role'])} SERVER {row['_server']}"
        reading.add("user mapping", name, plain(names, cells))


def add_not_nulls(reading: CatalogObjects, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add to columns what their NOT NULL constraints say beyond that."""
    for cells in rows:
        row: dict[str, Any] = dict(zip(names, cells, strict=True))
        table = reading.tables.get(row["_relation"])
        if table is None:
            continue
        key = ("column", f"{table}.{reading.columns[row['_relation']][row['_number']]}")
        if key not in reading.objects:
            continue
        extra = plain(names, cells)
        if row["_local"] and row["_name"] != default_name(row["_table"], row["_column"], "not_null"):
            extra["not null constraint"] = row["_name"]
        reading.objects[key] = {**reading.objects[key], **extra}
