"""What of a live database hazards are judged by: rows and sizes of tables, scans of indexes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.hazards.hazard import Live, TableFacts
from wish_rollout.postgres.catalog.database_state import count

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

EXACTLY = 10_000
"""Up to so many rows are counted; beyond that the planner's estimate serves."""

UTC = ("UTC", "Etc/UTC", "GMT", "Etc/GMT")
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
    """Read what is known of these; names are as a snapshot has them. A table that is not there is left out.

    Takes no lock but ACCESS SHARE, and waits for it for a moment only: a table that is locked, too slow to
    count or not ours to read counts as holding what the planner believes, and one row at the least. A
    function that is not there yet counts as volatile.
    """
    with reading(connection, timeout_ms):
        found = {}
        for name, estimate, size, readable in connection.execute(TABLES, [list(tables)]).fetchall():
            rows = _count(connection, name) if readable else None
            exact = rows is not None and rows < EXACTLY
            found[name] = TableFacts(rows if exact and rows is not None else max(estimate, rows or 1), size)
        scans = dict(connection.execute(SCANS, [list(indexes)]).fetchall())
        volatile = connection.execute(VOLATILE, {"names": list(functions)}).fetchall() if functions else []
        zone = connection.execute("select current_setting('TimeZone')").fetchone()
    utc = zone is not None and zone[0] in UTC
    return Live(found, scans, frozenset(row[0] for row in volatile), utc)


@contextmanager
def reading(connection: psycopg.Connection[Any], timeout_ms: int) -> Iterator[None]:
    """Hold a read-only snapshot transaction whose statements wait for no lock and take no long time."""
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
            return count(connection, table, EXACTLY)
    except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable):
        return None
