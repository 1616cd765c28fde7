"""What one read has found so far, and how a row of a simple catalog becomes an object of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.core.text.sql_tokens import bare
from wish_rollout.postgres.catalog.catalog_rows import Comments, Objects, Properties, Row, owned, plain
from wish_rollout.postgres.expressions.definition_text import statistics_definition, tidy, trigger_definition

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping, Sequence

    from wish_rollout.postgres.catalog.read_context import ReadContext


_WRITTEN = {"trigger": trigger_definition, "statistics": statistics_definition}
_NO_COMMENTS: dict[int, str] = {}
_NOTHING: Properties = {}


@dataclass
class CatalogObjects:
    """The objects found, and the names by number that later rows refer to.

    ``tables``: number → name. ``columns``: table's number → column's number → name. ``collations``: those
    of columns that are not the database's default. ``sequences``: those behind identity columns. ``names``: the
    names of sequences, functions and types, by catalog and number.
    """

    frame: ReadContext
    comments: Comments
    objects: Objects = field(default_factory=dict)
    tables: MutableMapping[int, str] = field(default_factory=dict)
    columns: MutableMapping[int, dict[int, str]] = field(default_factory=dict)
    collations: dict[tuple[int, int], int] = field(default_factory=dict)
    sequences: dict[tuple[int, int], Properties] = field(default_factory=dict)
    names: dict[tuple[str, int], str] = field(default_factory=dict)

    def add(self, kind: str, name: str, properties: Properties, part_of: str | None = None) -> None:
        """Add an object, if it is in scope by its name and that of the table (or what else) it is a part of."""
        if not self.frame.is_out_of_scope(name, part_of):
            self.objects[kind, name] = properties

    def extra_properties(self, catalog: str, oid: int, default: str | None = None) -> Properties:
        """Give as properties what other catalogs say of an object: its comment, extensions it goes with."""
        key = (catalog, oid)
        if key not in self.comments and key not in self.frame.depends and default is None:
            return _NOTHING
        text = self.comments.get(key, _NO_COMMENTS).get(0)
        found: Properties = {}
        if text != default:
            found["comment"] = text or ""
        if key in self.frame.depends:
            found["depends on extensions"] = sorted(self.frame.depends[key])
        return found


def add_simple(reading: CatalogObjects, catalog: str, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add the objects of a query that tells kind, name and properties by itself.

    ``catalog`` is the one that the objects' comments refer to.
    """
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        table = reading.tables.get(row["_relation"]) if "_relation" in row else None
        if row.get("_relation") and table is None:
            continue
        properties = plain(names, cells)
        if "roles" in properties:
            properties["roles"] = sorted(reading.frame.role(oid) for oid in properties["roles"])
        if row.get("_definition") is not None:
            properties["definition"] = _WRITTEN.get(row["_kind"], tidy)(row["_definition"])
        owned(properties, row, reading.frame)
        properties.update(reading.extra_properties(catalog, row["_oid"], row.get("_default_comment")))
        if row["_kind"] == "extension" and bare(row["_name"]) in reading.frame.scope.pinned_extensions:
            properties["version"] = properties.pop("installed version")
        name = row["_name"] if table is None else f"{table}.{row['_name']}"
        reading.names[catalog, row["_oid"]] = name
        reading.add(row["_kind"], name, properties, table)
