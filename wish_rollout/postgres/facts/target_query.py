"""The query that gives the targets of a fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg


def read_rows(connection: psycopg.Connection[Any], query: str) -> list[dict[str, Any]]:
    """Return the rows of a query, each with its columns by name, in a read-only transaction.

    Raises psycopg's errors; ValueError if the query returns no columns, or none that is called name.
    """
    with connection.transaction():
        connection.execute("set transaction read only")
        cursor = connection.execute(query.encode())
        columns = [column.name for column in cursor.description or ()]
        if "name" not in columns:
            raise ValueError("it returns no column 'name'")
        return [dict(zip(columns, row, strict=True)) for row in cursor]
