"""Reads default privileges, user mappings, and NOT NULL constraints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.catalog.catalog_rows import Row, row_properties
from wish_rollout.postgres.catalog.default_names import default_name
from wish_rollout.postgres.catalog.privileges import non_default_privileges

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects

# By pg_default_acl.defaclobjtype: the key word of ALTER DEFAULT PRIVILEGES, and the type letter of acldefault().
_OBJECT_TYPES = {
    "r": ("TABLES", "r"),
    "S": ("SEQUENCES", "s"),
    "f": ("FUNCTIONS", "f"),
    "T": ("TYPES", "T"),
    "n": ("SCHEMAS", "n"),
    "L": ("LARGE OBJECTS", "L"),
}


def add_default_privileges(found: CatalogObjects, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add default privileges, by role, schema and object type.

    Default privileges of a schema are added to the global ones; global ones replace the built-in ones
    (manual, ALTER DEFAULT PRIVILEGES).
    """
    context = found.context
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        key_word, letter = _OBJECT_TYPES[row["_type"]]
        in_schema = f" IN SCHEMA {row['_schema']}" if row["_schema"] else ""
        owner = context.roles.get(row["_role"])
        privileges = non_default_privileges(
            row["_acl"], letter, owner, context, additional=bool(row["_schema"])
        )
        if privileges:
            name = f"FOR ROLE {context.role(row['_role'])}{in_schema} ON {key_word}"
            found.add("default privileges", name, {"privileges": privileges})


def add_user_mappings(found: CatalogObjects, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add user mappings, by role and server."""
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        name = f"FOR {found.context.role(row['_role'])} SERVER {row['_server']}"
        found.add("user mapping", name, row_properties(names, cells))


def add_not_nulls(found: CatalogObjects, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add to columns the properties of their NOT NULL constraints, such as a name that is not the default one."""
    for cells in rows:
        row: dict[str, Any] = dict(zip(names, cells, strict=True))
        table = found.tables.get(row["_relation"])
        if table is None:
            continue
        key = ("column", f"{table}.{found.columns[row['_relation']][row['_number']]}")
        if key not in found.objects:
            continue
        properties = row_properties(names, cells)
        if row["_local"] and row["_name"] != default_name(row["_table"], row["_column"], "not_null"):
            properties["not null constraint"] = row["_name"]
        found.objects[key] = {**found.objects[key], **properties}
