"""Reads the statistics by which hazards are assessed: rows and sizes of tables, scans of indexes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.hazards.hazard import LiveFacts, TableFacts
from wish_rollout.core.schema.names import relation_names, split_last
from wish_rollout.postgres.facts.row_counts import count
from wish_rollout.postgres.rows.statement_estimates import estimate_statements

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
select name, sum(greatest(reltuples, 0)) filter (where relkind <> 'p')::bigint,
       sum(pg_total_relation_size(tree.oid))::bigint, has_table_privilege(to_regclass(name), 'SELECT'),
       (select nspname from pg_namespace n join pg_class c on c.relnamespace = n.oid where c.oid = to_regclass(name)) || '.'
       || (select relname from pg_class where oid = to_regclass(name))
from tree join pg_class using (oid) group by name
"""
IN_USE = """
select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'm') and n.nspname !~ '^pg_|^information_schema$|^wish_rollout(_archive)?$'
   and c.relname <> 'alembic_version' and pg_relation_size(c.oid) > 0)
"""
SEQUENCES = """
select s.name, pg_sequence_last_value(c.oid)
from unnest(%s::text[], %s::text[], %s::text[]) as s(name, sequence, identity)
join pg_class c on c.relkind = 'S' and c.oid = coalesce(
    to_regclass(s.sequence),
    (select d.objid from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
      where d.classid = 'pg_class'::regclass and d.deptype = 'i' and d.refobjid = to_regclass(s.identity)
        and quote_ident(a.attname) = substr(s.name, length(s.identity) + 2)))
where case when has_sequence_privilege(c.oid, 'USAGE') or has_sequence_privilege(c.oid, 'SELECT')
      then pg_sequence_last_value(c.oid) end is not null
"""
"""Last values of sequences, and of those of identity columns, by the name of the column."""
SCANS = """
select name, sum(s.idx_scan)::bigint
from unnest(%s::text[]) as name join pg_stat_all_indexes s on s.indexrelid = to_regclass(name)
group by name having sum(s.idx_scan) > 0
"""
VOLATILE = """
select proname from pg_proc where proname = any(%(names)s) and provolatile = 'v'
union select n from unnest(%(names)s::text[]) as n where n not in (select proname from pg_proc)
"""


@dataclass(frozen=True, slots=True)
class LiveQuestions:
    """The objects and statements whose facts are read. Names are as in a snapshot; functions are without schema."""

    tables: Collection[str]
    indexes: Collection[str] = ()
    functions: Collection[str] = ()
    sequences: Collection[str] = ()
    identity_columns: Collection[str] = ()
    statements: Collection[str] = ()


def read_live_facts(
    connection: psycopg.Connection[Any], questions: LiveQuestions, timeout_ms: int = 5000
) -> LiveFacts:
    """Return the facts about tables, indexes, functions, sequences and statements.

    A table that does not exist is left out. No lock stronger than ROW EXCLUSIVE is taken, and no row is written. If the
    rows of a table cannot be counted (a lock, a timeout or a missing privilege), the planner's estimate is used, and at
    least one row is assumed. A function that does not exist yet counts as volatile. ``timeout_ms``: milliseconds for each
    statement. Raises psycopg's errors.
    """
    with bounded_read_transaction(connection, timeout_ms):
        found, plain_names = _read_tables(connection, questions.tables)
        scans = dict(connection.execute(SCANS, [relation_names(questions.indexes)]).fetchall())
        names = {"names": list(questions.functions)}
        volatile = connection.execute(VOLATILE, names).fetchall() if questions.functions else []
        zone = connection.execute("select current_setting('TimeZone')").fetchone()
        in_use = connection.execute(IN_USE).fetchone()
        sequences = _read_sequences(connection, questions)
        estimates = estimate_statements(connection, questions.statements, plain_names)
    return LiveFacts(
        found,
        scans,
        frozenset(row[0] for row in volatile),
        utc=zone is not None and zone[0] in UTC_ZONES,
        in_use=in_use is None or bool(in_use[0]),
        estimates=estimates,
        sequences=sequences,
    )


def _read_sequences(connection: psycopg.Connection[Any], questions: LiveQuestions) -> dict[str, int]:
    rows: list[tuple[str, str | None, str | None]] = [(name, name, None) for name in questions.sequences]
    rows += [(name, None, split_last(name)[0]) for name in questions.identity_columns]
    lists = [list(each) for each in zip(*rows, strict=True)] if rows else [[], [], []]
    return dict(connection.execute(SEQUENCES, lists).fetchall())


def _read_tables(
    connection: psycopg.Connection[Any], tables: Collection[str]
) -> tuple[dict[str, TableFacts], dict[str, str]]:
    """Return the facts of each table, and the snapshot's name of each table by its name without quotes."""
    found, plain_names = {}, {}
    for name, estimate, size, readable, plain in connection.execute(
        TABLES, [relation_names(tables)]
    ).fetchall():
        rows = _count(connection, name) if readable else None
        is_exact = rows is not None and rows < MAX_COUNTED_ROWS
        found[name] = TableFacts(
            rows if is_exact and rows is not None else max(estimate or 0, rows or 1), size
        )
        plain_names[plain] = name
    return found, plain_names


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
