"""Counts the rows that a schema change would delete, after locking their tables."""

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
    """Return the number of rows that each dropped table or column would lose, by its name; zeros are left out.

    ``promised``: the delta that would be applied. ``kept``: the tables that remain; a dropped column is counted
    only there, not in a dropped table or view. ``lock``: first lock the tables in ACCESS EXCLUSIVE mode (manual,
    13.3.1), which DROP would do anyway. Call it in the transaction that applies the delta: then no session can
    insert a row before that transaction ends. Rows of a materialized view do not count, because REFRESH restores
    them. Raises psycopg's errors.
    """
    removed = [change for change in promised.changes if change.change == "removed"]
    tables = [change.name for change in removed if change.kind == "table"]
    columns = [split_last(change.name) for change in removed if change.kind == "column"]
    columns = [(table, name) for table, name in columns if table in kept]
    existing = existing_names(connection, [*tables, *(f"{table}.{name}" for table, name in columns)])
    tables = [table for table in tables if table in existing]
    columns = [(table, name) for table, name in columns if f"{table}.{name}" in existing]
    locked = sorted({*tables, *(table for table, _ in columns)})
    # with row_security off, the server reports an error instead of counting only the rows that a policy allows
    connection.execute("set local row_security = off")
    if locked and lock:
        connection.execute(sql.SQL(f"lock table {', '.join(locked)} in access exclusive mode"))
    rows = {table: count(connection, table) for table in tables}
    rows |= {f"{table}.{name}": count(connection, table, column=name) for table, name in columns}
    return {name: number for name, number in rows.items() if number}


EXISTING = r"""
select name from unnest(%s::text[]) as name
where case when cardinality(parse_ident(name)) < 3 then to_regclass(name) is not null
           else exists (select from pg_attribute  -- to_regclass() rejects a name with three parts
                         where attrelid = to_regclass(substring(name from '^(.*)\.'))
                           and attname = (parse_ident(name))[3] and not attisdropped) end
"""


def existing_names(connection: psycopg.Connection[Any], names: list[str]) -> set[str]:
    """Return the tables and columns that exist: an earlier step may have dropped some."""
    return {row[0] for row in connection.execute(EXISTING, [names])}
