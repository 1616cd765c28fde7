"""Taking a few rows from one database to a scratch database, and of them only what is needed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.rows.requirements import source
from wish_rollout.core.schema.names import split_last
from wish_rollout.postgres.rows.table_statistics import reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.rows.requirements import Requirement
    from wish_rollout.core.schema.snapshot import Snapshot


def sample(
    connection: psycopg.Connection[Any], query: str, columns: Sequence[str], at_most: int
) -> list[tuple[Any, ...]]:
    """Take some of the rows that a query shows, as text: only these columns."""
    chosen = ", ".join(f"{column}::text" for column in columns)
    with reading(connection, 30_000):
        some = f"select {chosen} from ({query}) as r limit {at_most:d}"  # noqa: S608
        return connection.execute(some.encode()).fetchall()


def insert_sample_rows(
    connection: psycopg.Connection[Any], table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Put rows into a table of a scratch database, in spite of foreign keys and triggers where we may."""
    with suppress(psycopg.errors.InsufficientPrivilege):  # then they must fit
        connection.execute("set session_replication_role = replica")
    marks = ", ".join(["%s"] * len(columns))
    insert = (
        f"insert into {table} ({', '.join(columns)}) overriding system value"  # noqa: S608
        f" values ({marks}) on conflict do nothing"
    )
    with connection.cursor() as cursor:
        cursor.executemany(insert.encode(), rows)
    connection.execute("reset session_replication_role")


def select_sample_columns(before: Snapshot, demand: Requirement, mentioned: frozenset[str]) -> list[str]:
    """Name the columns that a rehearsal needs of a table: keys, what is demanded, and what the release names."""
    own = source(demand)
    demanded = {own.old(column) for column in demand.columns}
    key = {
        column
        for name, properties in before.of_kind("constraint")
        if properties["type"] == "primary key" and split_last(name)[0] == own.table
        for column in properties["columns"]
    }
    chosen = []
    for name, properties in before.of_kind("column"):
        table, column = split_last(name)
        forced = properties.get("not null") and not properties.keys() & {"default", "identity", "generated"}
        wanted = column in key or column in demanded or column.strip('"') in mentioned or forced
        if table == own.table and wanted and "generated" not in properties:
            chosen.append(column)
    return chosen
