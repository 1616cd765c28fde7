"""What of a schema SQLAlchemy's metadata can declare: only in that can models and scripts differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import whole_of
from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    from wish_rollout.core.schema.snapshot import Key

KINDS = frozenset({"schema", "table", "column", "constraint", "index", "enum", "sequence", "domain"})
"""Scripts may make others, by SQL."""
BY_SQL = frozenset(
    {"clustered", "column options", "compression", "force row security", "invalid", "not ready", "owner"}
    | {"privileges", "replica identity", "row security", "statistics target", "statistics targets", "storage"}
)
"""Properties of declared objects that only SQL can set."""


def declarable(snapshot: Snapshot) -> Snapshot:
    """Give the part that models can declare: no views, nor their columns and indexes, and no partitions."""
    wholes = {
        name
        for kind in ("table", "domain")
        for name, properties in snapshot.of_kind(kind)
        if "partition of" not in properties
    }

    def counts(key: Key) -> bool:
        kind, name = key
        whole = name if kind == "table" else whole_of(kind, name, snapshot.objects[key])
        return kind in KINDS and (whole is None or whole in wholes)

    return Snapshot(
        {
            key: {name: value for name, value in properties.items() if name not in BY_SQL}
            for key, properties in snapshot.objects.items()
            if counts(key)
        }
    )
