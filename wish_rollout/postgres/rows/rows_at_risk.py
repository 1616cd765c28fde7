"""Which rows a delta would lose, counted behind a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from wish_rollout.core.schema.names import split_last
from wish_rollout.postgres.catalog.database_state import count

if TYPE_CHECKING:
    from collections.abc import Container

    import psycopg

    from wish_rollout.core.schema.delta import Delta


def count_rows_at_risk(
    connection: psycopg.Connection[Any], promised: Delta, kept: Container[str], *, lock: bool = True
) -> dict[str, int]:
    """Lock the tables that lose rows or columns by ``promised``, and count what would go.

    ``kept``: the tables that stay, so that a removed column is asked for there and not in a removed view.
    Must run in the transaction that is to apply the delta: the locks (ACCESS EXCLUSIVE, manual 13.3.1, which
    the DROP takes anyway) then hold until its end, so no row can come in between. A materialized view's
    rows do not count: REFRESH brings them back. Without ``lock`` it is a look, after which a row can come still.
    Gives place → rows.
    """
    removed = [c for c in promised.changes if c.change == "removed"]
    tables = [c.name for c in removed if c.kind == "table"]
    columns = [split_last(c.name) for c in removed if c.kind == "column" and split_last(c.name)[0] in kept]
    there = existing(connection, [*tables, *(f"{table}.{name}" for table, name in columns)])
    tables = [table for table in tables if table in there]
    columns = [(table, name) for table, name in columns if f"{table}.{name}" in there]
    locked = sorted({*tables, *(table for table, _ in columns)})
    # row security would hide rows from the count; like this the server refuses to count instead
    connection.execute("set local row_security = off")
    if locked and lock:
        connection.execute(sql.SQL(f"lock table {', '.join(locked)} in access exclusive mode"))
    stake = {table: count(connection, table) for table in tables}
    stake |= {f"{table}.{name}": count(connection, table, column=name) for table, name in columns}
    return {place: rows for place, rows in stake.items() if rows}


EXISTING = r"""
select name from unnest(%s::text[]) as name
where case when cardinality(parse_ident(name)) < 3 then to_regclass(name) is not null
           else exists (select from pg_attribute  -- to_regclass() refuses a name of three parts
                         where attrelid = to_regclass(substring(name from '^(.*)\.'))
                           and attname = (parse_ident(name))[3] and not attisdropped) end
"""


def existing(connection: psycopg.Connection[Any], names: list[str]) -> set[str]:
    """Keep those tables and columns that are (still) there: an earlier step may have dropped some."""
    return {row[0] for row in connection.execute(EXISTING, [names])}
