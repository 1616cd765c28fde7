"""Numbers of rows: exact ones of few tables, and the planner's estimates of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from wish_rollout.core.schema.names import relation_names

if TYPE_CHECKING:
    from collections.abc import Sequence


MANY_TABLES = 50
"""Rows are counted for up to this many tables; for more tables, the planner's estimates are read."""


ESTIMATES = """
select t, case when has_table_privilege(to_regclass(t), 'SELECT') then c.reltuples::bigint end
from unnest(%s::text[]) as t join pg_class c on c.oid = to_regclass(t)
where not c.relispartition
"""


def count_rows(
    connection: psycopg.Connection[Any], tables: Sequence[str], at_most: int = 100_000
) -> dict[str, int | None]:
    """Return the number of rows of each table, counted up to ``at_most``. Table names are as in a snapshot.

    For more than MANY_TABLES tables, the estimate ``pg_class.reltuples`` is returned instead (-1: never analyzed).
    None: the role has no SELECT privilege. Partitions are counted as a part of their parent only.
    """
    counts: dict[str, int | None] = {
        row[0]: row[1] for row in connection.execute(ESTIMATES, [relation_names(tables)])
    }
    if len(counts) > MANY_TABLES:
        return counts
    for table, estimate in counts.items():
        if estimate is not None:
            counts[table] = count(connection, table, at_most)
    return counts


def count(
    connection: psycopg.Connection[Any], table: str, at_most: int | None = None, column: str = ""
) -> int:
    """Return the number of rows of a table, including partitions and child tables, counted up to ``at_most``.

    ``column``: count only the rows in which this column is not null. Names must be quoted as by quote_ident().
    """
    # IS NOT NULL is false for a composite value that contains a null field (manual, 9.2)
    condition = f" where num_nonnulls({column}) > 0" if column else ""
    bound = f" limit {at_most:d}" if at_most is not None else ""
    query = f"select count(*) from (select from {table}{condition}{bound}) as r"  # noqa: S608
    row = connection.execute(sql.SQL(query)).fetchone()
    return int(row[0]) if row else 0
