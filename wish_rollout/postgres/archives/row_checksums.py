"""A checksum of rows: it does not depend on their order, on OIDs, or on the settings of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg


CHAINED = 100
"""For so many columns, the hash of each is the seed of the next one's, which is faster than the text of a whole row."""


def checksum_expression(columns: Sequence[str], alias: str = "a") -> str:
    """Return the aggregate over rows with these columns: the sum of the hashes of their texts."""
    if len(columns) > CHAINED:
        texts = ", ".join(f"{alias}.{name}::text" for name in columns)
        return f"coalesce(sum(hashtextextended(row({texts})::text, 0)), 0)::text"
    value = "0"
    for name in columns:
        value = f"hashtextextended(coalesce({alias}.{name}::text, ''), {value}) # ({alias}.{name}::text is null)::int::bigint"
    return f"coalesce(sum({value}), 0)::text"


def count_and_checksum(
    connection: psycopg.Connection[Any], source: str, columns: Sequence[str]
) -> tuple[int, str]:
    """Return the number of rows of a FROM clause, in which ``a`` is the table, and their checksum.

    Call it with the settings of ``plain_text_settings``.
    """
    query = f"select count(*), {checksum_expression(columns)} from {source}"
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0], row[1]
