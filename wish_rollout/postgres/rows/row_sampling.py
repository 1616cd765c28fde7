"""Copies a few rows of a database to a scratch database, with only the columns that a rehearsal needs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.rows.requirements import ExclusionRequirement, UniqueRequirement, source_of
from wish_rollout.core.schema.names import split_last
from wish_rollout.postgres.rows.table_statistics import bounded_read_transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.rows.requirements import Requirement
    from wish_rollout.core.schema.snapshot import Snapshot


def read_sample_rows(
    connection: psycopg.Connection[Any],
    query: str,
    columns: Sequence[str],
    at_most: int,
    order: Sequence[str] = (),
) -> list[tuple[Any, ...]]:
    """Return up to ``at_most`` rows of a query. Only the given columns are read, as text.

    ``order``: expressions of the query's rows, so that rows with equal values are read together: a duplicate is one only
    together with the other row. Raises psycopg's errors; one statement may take at most 30 seconds.
    """
    select_list = ", ".join(f"{column}::text" for column in columns)
    ordered = f" order by {', '.join(order)}" if order else ""
    with bounded_read_transaction(connection, 30_000):
        select = f"select {select_list} from ({query}) as r{ordered} limit {at_most:d}"  # noqa: S608
        return connection.execute(select.encode()).fetchall()


def sample_order(requirement: Requirement) -> list[str]:
    """Return the expressions by which rows that together violate a requirement are next to each other."""
    if not isinstance(requirement, (UniqueRequirement, ExclusionRequirement)):
        return []
    source = source_of(requirement)
    return [f"({source.current_expression(column)})" for column in requirement.columns]


def insert_sample_rows(
    connection: psycopg.Connection[Any], table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert rows into a table of a scratch database.

    Foreign keys and triggers are disabled if the role may set ``session_replication_role``; otherwise the rows
    must satisfy them. Rows that violate a unique constraint are skipped. Raises psycopg's errors.
    """
    with suppress(psycopg.errors.InsufficientPrivilege):
        connection.execute("set session_replication_role = replica")
    placeholders = ", ".join(["%s"] * len(columns))
    insert = (
        f"insert into {table} ({', '.join(columns)}) overriding system value"  # noqa: S608
        f" values ({placeholders}) on conflict do nothing"
    )
    with connection.cursor() as cursor:
        cursor.executemany(insert.encode(), rows)
    connection.execute("reset session_replication_role")


def select_sample_columns(before: Snapshot, requirement: Requirement, mentioned: frozenset[str]) -> list[str]:
    """Return the columns of a table that a rehearsal needs.

    These are the primary key, the columns of the requirement, the columns that the release mentions, and columns
    that are NOT NULL without a default. ``mentioned``: all identifiers in the release's statements.
    """
    source = source_of(requirement)
    required = {source.current_expression(column) for column in requirement.columns}
    primary_key = {
        column
        for name, properties in before.of_kind("constraint")
        if properties["type"] == "primary key" and split_last(name)[0] == source.table
        for column in properties["columns"]
    }
    columns = []
    for name, properties in before.of_kind("column"):
        table, column = split_last(name)
        needs_value = properties.get("not null") and not properties.keys() & {
            "default",
            "identity",
            "generated",
        }
        is_needed = (
            column in primary_key or column in required or column.strip('"') in mentioned or needs_value
        )
        if table == source.table and is_needed and "generated" not in properties:
            columns.append(column)
    return columns
