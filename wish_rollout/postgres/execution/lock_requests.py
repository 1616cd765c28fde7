"""Requests of table locks: which tables exist, which locks are held, and the LOCK TABLE statements."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import sql

from wish_rollout.core.release.table_locks import LockMode, TableLock

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg


SAVEPOINT: LiteralString = "wish_rollout_locks"


TABLES = """
with recursive wanted (schema, name, recursive, conflicting) as (
    select * from unnest(%s::text[], %s::text[], %s::bool[], %s::text[])
), tree (oid, schema, name, recursive, conflicting) as (
    select c.oid, w.* from wanted w
      join pg_catalog.pg_namespace n on n.nspname = w.schema
      join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.name and c.relkind in ('r', 'p')
    union all
    select i.inhrelid, t.schema, t.name, t.recursive, t.conflicting
      from tree t join pg_catalog.pg_inherits i on i.inhparent = t.oid and t.recursive
)
select schema, name, oid, conflicting from tree
"""


HELD = """
select exists (
    select from pg_catalog.pg_locks l
      join unnest(%s::oid[], %s::text[]) as wanted (oid, conflicting) on wanted.oid = l.relation
     where l.locktype = 'relation' and l.pid is distinct from pg_catalog.pg_backend_pid()
       and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
       and l.mode = any (string_to_array(wanted.conflicting, ',')))
"""


@dataclass(frozen=True, slots=True)
class LockRequest:
    """Locks of tables that exist in this database.

    ``oids``, ``conflicting``: of each table and each of its partitions, the OID and the lock modes that conflict.
    """

    locks: tuple[TableLock, ...]
    oids: list[int]
    conflicting: list[str]

    @property
    def blocks_queries(self) -> bool:
        """Whether one of the locks blocks queries."""
        return any(lock.mode.blocks_queries for lock in self.locks)

    @property
    def reserving(self) -> list[TableLock]:
        """The locks that keep vacuum and DDL from these tables, and block no query."""
        strong = {
            (lock.schema, lock.table, lock.recursive) for lock in self.locks if lock.mode.blocks_queries
        }
        return [
            TableLock(schema, table, LockMode.SHARE_UPDATE_EXCLUSIVE, recursive=recursive)
            for schema, table, recursive in sorted(strong)
        ]


def prepare_request(connection: psycopg.Connection[Any], locks: Sequence[TableLock]) -> LockRequest:
    """Return a request of those locks whose table exists in this database."""
    columns = (
        [lock.schema for lock in locks],
        [lock.table for lock in locks],
        [lock.recursive for lock in locks],
        [",".join(mode.pg_locks_name for mode in lock.mode.conflicting) for lock in locks],
    )
    rows = connection.execute(TABLES, columns).fetchall()
    found = {(schema, table) for schema, table, *_ in rows}
    existing = tuple(lock for lock in locks if (lock.schema, lock.table) in found)
    return LockRequest(existing, [row[2] for row in rows], [row[3] for row in rows])


def is_held_by_others(connection: psycopg.Connection[Any], request: LockRequest) -> bool:
    """Whether another session holds a conflicting lock, or waits for one. A failed request would be logged."""
    row = connection.execute(HELD, [request.oids, request.conflicting]).fetchone()
    return bool(row and row[0])


def release_locks(connection: psycopg.Connection[Any]) -> None:
    """Release the locks of a request, and end its savepoint."""
    connection.execute(f"rollback to savepoint {SAVEPOINT}; release savepoint {SAVEPOINT}")


def request_locks(connection: psycopg.Connection[Any], locks: Sequence[TableLock], wait_ms: int) -> None:
    """Request the locks once. ``wait_ms``: how long all of them together may wait; 0: NOWAIT."""
    begin = sql.SQL("savepoint {}; ").format(sql.Identifier(SAVEPOINT))
    end = sql.SQL("; release savepoint {}").format(sql.Identifier(SAVEPOINT))
    statements = [lock_statement(list(same), nowait=not wait_ms) for _, same in groupby(locks, _mode)]
    if not wait_ms:
        connection.execute(begin + sql.SQL("; ").join(statements) + end)
        return
    deadline = time.monotonic() + wait_ms / 1000
    connection.execute(f"savepoint {SAVEPOINT}")
    for statement in statements:
        left = max(1, round((deadline - time.monotonic()) * 1000))
        # lock_timeout limits the wait for one lock, statement_timeout that for all locks of the statement
        limits = sql.SQL("set local lock_timeout = {}; set local statement_timeout = {}; ").format(left, left)
        connection.execute(limits + statement)
    connection.execute(f"release savepoint {SAVEPOINT}")


def _mode(lock: TableLock) -> int:
    return lock.mode


def lock_statement(locks: Sequence[TableLock], *, nowait: bool) -> sql.Composed:
    """Return the LOCK TABLE statement of locks of one mode."""
    names = [
        sql.SQL("{}{}").format(
            sql.SQL("") if lock.recursive else sql.SQL("only "), sql.Identifier(lock.schema, lock.table)
        )
        for lock in locks
    ]
    return sql.SQL("lock table {} in {} mode{}").format(
        sql.SQL(", ").join(names), sql.SQL(locks[0].mode.sql), sql.SQL(" nowait" if nowait else "")
    )
