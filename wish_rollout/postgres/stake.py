"""Which rows a delta would lose, counted behind a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from wish_rollout.core.names import split_last
from wish_rollout.postgres.sighting import count

if TYPE_CHECKING:
    from collections.abc import Container

    import psycopg

    from wish_rollout.core.delta import Delta


def rows_at_stake(
    connection: psycopg.Connection[Any], promised: Delta, kept: Container[str]
) -> dict[str, int]:
    """Lock the tables that lose rows or columns by ``promised``, and count what would go.

    ``kept``: the tables that stay, so that a removed column is asked for there and not in a removed view.
    Must run in the transaction that is to apply the delta: the locks (ACCESS EXCLUSIVE, manual 13.3.1, which
    the DROP takes anyway) then hold until its end, so no row can come in between. A materialized view's
    rows do not count: REFRESH brings them back. Gives place → rows.
    """
    tables = [c.name for c in promised.changes if c.kind == "table" and c.change == "removed"]
    columns = [
        split_last(c.name)
        for c in promised.changes
        if c.kind == "column" and c.change == "removed" and split_last(c.name)[0] in kept
    ]
    locked = sorted({*tables, *(table for table, _ in columns)})
    if locked:
        connection.execute(sql.SQL(f"lock table {', '.join(locked)} in access exclusive mode"))
    stake = {table: count(connection, table) for table in tables}
    stake |= {f"{table}.{name}": count(connection, table, column=name) for table, name in columns}
    return {place: rows for place, rows in stake.items() if rows}
