"""The objects that one read of the system catalogs has found, and how to add a row to them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.core.text.sql_tokens import unquote_identifier
from wish_rollout.postgres.catalog.catalog_rows import (
    Comments,
    Objects,
    Properties,
    Row,
    add_owner_and_privileges,
    row_properties,
)
from wish_rollout.postgres.expressions.definition_text import (
    normalize_definition,
    normalize_statistics_definition,
    normalize_trigger_definition,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping, Sequence

    from wish_rollout.postgres.catalog.read_context import ReadContext


_NORMALIZERS = {"trigger": normalize_trigger_definition, "statistics": normalize_statistics_definition}
_NO_COMMENTS: dict[int, str] = {}
_NO_PROPERTIES: Properties = {}


@dataclass
class CatalogObjects:
    """The objects found so far, and the names by OID that later rows refer to.

    ``comments``: by catalog and OID, then by column number. ``tables``: OID → name.
    ``columns``: table OID → column number → name. ``collations``: the OIDs of column collations that are not
    the database's default, by table OID and column number. ``sequences``: the properties of the sequences of
    identity columns, by table OID and column number. ``names``: those of sequences, functions, types and other
    simple objects, by catalog and OID.
    """

    context: ReadContext
    comments: Comments
    objects: Objects = field(default_factory=dict)
    tables: MutableMapping[int, str] = field(default_factory=dict)
    columns: MutableMapping[int, dict[int, str]] = field(default_factory=dict)
    collations: dict[tuple[int, int], int] = field(default_factory=dict)
    sequences: dict[tuple[int, int], Properties] = field(default_factory=dict)
    names: dict[tuple[str, int], str] = field(default_factory=dict)
    read_at: float = field(default_factory=time.monotonic)

    @property
    def has_event_triggers(self) -> bool:
        """Whether the database has event triggers, which may change the schema when anything is created."""
        return "event_triggers" in self.context.queries_with_rows

    @property
    def age(self) -> float:
        """The seconds since the read began."""
        return time.monotonic() - self.read_at

    def add(self, kind: str, name: str, properties: Properties, part_of: str | None = None) -> None:
        """Add an object unless its name, or the name of the object that it is a part of, is out of scope."""
        if not self.context.is_out_of_scope(name, part_of):
            self.objects[kind, name] = properties

    def extra_properties(self, catalog: str, oid: int, default_comment: str | None = None) -> Properties:
        """Return the properties that other catalogs hold: the comment, and the extensions it depends on.

        ``default_comment``: the comment that the server creates the object with; it is not a property.
        """
        key = (catalog, oid)
        if key not in self.comments and key not in self.context.depends and default_comment is None:
            return _NO_PROPERTIES
        comment = self.comments.get(key, _NO_COMMENTS).get(0)
        properties: Properties = {}
        if comment != default_comment:
            properties["comment"] = comment or ""
        if key in self.context.depends:
            properties["depends on extensions"] = sorted(self.context.depends[key])
        return properties


def add_simple_objects(
    found: CatalogObjects, system_catalog: str, names: Sequence[str], rows: Iterable[Row]
) -> None:
    """Add the objects of a query whose rows contain kind, name and properties.

    ``system_catalog``: the catalog that the comments of these objects refer to (``pg_description.classoid``).
    ``names``: the column names of the query.
    """
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        table = found.tables.get(row["_relation"]) if "_relation" in row else None
        if row.get("_relation") and table is None:
            continue
        properties = row_properties(names, cells)
        if "roles" in properties:
            properties["roles"] = sorted(found.context.role(oid) for oid in properties["roles"])
        if row.get("_definition") is not None:
            normalize = _NORMALIZERS.get(row["_kind"], normalize_definition)
            properties["definition"] = normalize(row["_definition"])
        add_owner_and_privileges(properties, row, found.context)
        properties.update(found.extra_properties(system_catalog, row["_oid"], row.get("_default_comment")))
        if (
            row["_kind"] == "extension"
            and unquote_identifier(row["_name"]) in found.context.scope.pinned_extensions
        ):
            properties["version"] = properties.pop("installed version")
        name = row["_name"] if table is None else f"{table}.{row['_name']}"
        found.names[system_catalog, row["_oid"]] = name
        found.add(row["_kind"], name, properties, table)
