"""The query that gives the targets of a fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

LIMIT = "30s"
"""How long the query may take. Every command and run that uses the fleet waits for it."""


def read_rows(connection: psycopg.Connection[Any], query: str) -> list[dict[str, Any]]:
    """Return the rows of a query, each with its columns by name, in a read-only transaction.

    Raises psycopg's errors, QueryCanceled after LIMIT; ValueError if the query returns no columns, or none that is called name.
    """
    with connection.transaction():
        connection.execute("set transaction read only")
        connection.execute(f"set local statement_timeout = '{LIMIT}'".encode())
        cursor = connection.execute(query.encode())
        columns = [column.name for column in cursor.description or ()]
        if "name" not in columns:
            raise ValueError("it returns no column 'name'")
        return [dict(zip(columns, row, strict=True)) for row in cursor]
