"""The query that gives the targets of a fleet."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

LIMIT = "30s"
"""How long the query may take. Every command and run that uses the fleet waits for it."""


def read_rows(connection: psycopg.Connection[Any], query: str) -> list[dict[str, Any]]:
    """Return the rows of a query, each with its columns by name, in a read-only transaction.

    Raises psycopg's errors, QueryCanceled after LIMIT, SyntaxError for another statement than a query, and for several: one of
    them could end the transaction. Raises ValueError if the query returns no column that is called name, or two of one name.
    """
    with connection.transaction():
        connection.execute("set transaction read only")
        connection.execute(f"set local statement_timeout = '{LIMIT}'".encode())
        # DECLARE accepts one query only, and leaves nothing in a pooled session
        with connection.cursor("targets") as cursor:
            cursor.execute(query.encode())
            columns = [column.name for column in cursor.description or ()]
            if "name" not in columns:
                raise ValueError("it returns no column 'name'")
            if repeated := [column for column, count in Counter(columns).items() if count > 1]:
                raise ValueError(f"it returns more than one column '{repeated[0]}'")
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
