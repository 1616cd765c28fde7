"""The part of a schema that SQLAlchemy's metadata can declare, and in which models and scripts can differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import parent_object
from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    from wish_rollout.core.schema.snapshot import Key

KINDS = frozenset({"schema", "table", "column", "constraint", "index", "enum", "sequence", "domain"})
"""Scripts can create objects of other kinds with SQL."""
SQL_ONLY_PROPERTIES = frozenset(
    {"clustered", "column options", "compression", "force row security", "invalid", "not ready", "owner"}
    | {"privileges", "replica identity", "row security", "statistics target", "statistics targets", "storage"}
)
"""Properties of declared objects that only SQL can set."""


def select_declarable(snapshot: Snapshot) -> Snapshot:
    """Return the part that models can declare: no views with their columns and indexes, and no partitions."""
    parents = {
        name
        for kind in ("table", "domain")
        for name, properties in snapshot.of_kind(kind)
        if "partition of" not in properties
    }

    def is_declarable(key: Key) -> bool:
        kind, name = key
        parent = name if kind == "table" else parent_object(kind, name, snapshot.objects[key])
        return kind in KINDS and (parent is None or parent in parents)

    return Snapshot(
        {
            key: {name: value for name, value in properties.items() if name not in SQL_ONLY_PROPERTIES}
            for key, properties in snapshot.objects.items()
            if is_declarable(key)
        }
    )
