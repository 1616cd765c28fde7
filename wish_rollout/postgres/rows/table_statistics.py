"""Reads the statistics by which hazards are assessed: rows and sizes of tables, scans of indexes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.hazards.hazard import Live, TableFacts
from wish_rollout.core.schema.names import relation_names
from wish_rollout.postgres.catalog.database_state import count

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MAX_COUNTED_ROWS = 10_000
"""Rows are counted up to this number; for larger tables, the planner's estimate is used."""

UTC_ZONES = ("UTC", "Etc/UTC", "GMT", "Etc/GMT")
TABLES = """
with recursive wanted as (
    select t as name, to_regclass(t) as oid from unnest(%s::text[]) as t where to_regclass(t) is not null),
tree as (
    select name, oid::oid from wanted
    union select tree.name, inhrelid from tree join pg_inherits on inhparent = tree.oid)
select name, sum(greatest(reltuples, 0))::bigint, sum(pg_total_relation_size(tree.oid))::bigint,
       has_table_privilege(to_regclass(name), 'SELECT')
from tree join pg_class using (oid) group by name
"""
SCANS = """
select name, sum(s.idx_scan)::bigint
from unnest(%s::text[]) as name join pg_stat_all_indexes s on s.indexrelid = to_regclass(name)
group by name having sum(s.idx_scan) > 0
"""
VOLATILE = """
select proname from pg_proc where proname = any(%(names)s) and provolatile = 'v'
union select n from unnest(%(names)s::text[]) as n where n not in (select proname from pg_proc)
"""


def read_live_facts(
    connection: psycopg.Connection[Any],
    tables: Collection[str],
    indexes: Collection[str],
    functions: Collection[str],
    timeout_ms: int = 5000,
) -> Live:
    """Return the statistics of tables, indexes and functions. Names are as in a snapshot.

    A table that does not exist is left out. Only ACCESS SHARE locks are taken. If the rows of a table cannot be
    counted (a lock, a timeout or a missing privilege), the planner's estimate is used, and at least one row is
    assumed. A function that does not exist yet counts as volatile. ``timeout_ms``: milliseconds for each statement.
    Raises psycopg's errors.
    """
    with bounded_read_transaction(connection, timeout_ms):
        found = {}
        for name, estimate, size, readable in connection.execute(TABLES, [relation_names(tables)]).fetchall():
            rows = _count(connection, name) if readable else None
            is_exact = rows is not None and rows < MAX_COUNTED_ROWS
            found[name] = TableFacts(
                rows if is_exact and rows is not None else max(estimate, rows or 1), size
            )
        scans = dict(connection.execute(SCANS, [relation_names(indexes)]).fetchall())
        volatile = connection.execute(VOLATILE, {"names": list(functions)}).fetchall() if functions else []
        zone = connection.execute("select current_setting('TimeZone')").fetchone()
    is_utc = zone is not None and zone[0] in UTC_ZONES
    return Live(found, scans, frozenset(row[0] for row in volatile), is_utc)


@contextmanager
def bounded_read_transaction(connection: psycopg.Connection[Any], timeout_ms: int) -> Iterator[None]:
    """Run a read-only REPEATABLE READ transaction.

    Its statements end after ``timeout_ms`` milliseconds, and wait at most 200 ms for a lock. It is rolled back at
    the end. The session must be in autocommit mode.
    """
    with connection.transaction(force_rollback=True):
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute(
            "select set_config('statement_timeout', %s, true), set_config('lock_timeout', '200ms', true)",
            [f"{timeout_ms}ms"],
        )
        yield


def _count(connection: psycopg.Connection[Any], table: str) -> int | None:
    try:
        with connection.transaction():
            return count(connection, table, MAX_COUNTED_ROWS)
    except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable):
        return None
