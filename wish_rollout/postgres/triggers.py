"""Triggers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.postgres.rows import Row, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wish_rollout.postgres.reading import Reading


def add_triggers(reading: Reading, names: Sequence[str], rows: Iterable[Row]) -> None:
    """Add triggers. The definition is told without the trigger's name, so that a copy elsewhere is equal."""
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        table = reading.tables.get(row["_relation"])
        if table is None:
            continue
        head, _, rest = row["_definition"].partition(f"TRIGGER {row['_name']} ")
        properties = {"definition": head.removeprefix("CREATE ") + rest, **plain(names, cells)}
        properties.update(reading.comment("pg_trigger", row["_oid"]))
        reading.add("trigger", f"{table}.{row['_name']}", properties)
