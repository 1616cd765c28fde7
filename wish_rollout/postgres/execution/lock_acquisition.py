"""Take the locks of a transaction together, before its first DDL, and without making other sessions wait.

A lock request that waits in the queue blocks every later request of the same table (manual, 13.3.1). So the locks are
requested with NOWAIT, when ``pg_locks`` shows that no other session holds a conflicting lock. If one of them is not
available, all are released by ROLLBACK TO SAVEPOINT, and requested again after a short random pause. NOWAIT alone may
never succeed on a busy table. So now and then the request waits in the queue for some milliseconds, and afterwards none
does for many times as long.

Before that, the tables are locked in SHARE UPDATE EXCLUSIVE mode. Waiting for that lock blocks no query. It ends
autovacuum on these tables: a session that waits for ``deadlock_timeout`` cancels it (manual, 25.1.6), and the requests
described above never wait so long.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import errors, sql

from wish_rollout.core.release.measurements import LockMode, TableLock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import psycopg

SAVEPOINT: LiteralString = "wish_rollout_locks"
UNAVAILABLE = (errors.LockNotAvailable, errors.DeadlockDetected, errors.QueryCanceled)
"""Errors of a request that may succeed later. QueryCanceled: ``statement_timeout`` expired first."""
NOT_LOCKABLE = (errors.InsufficientPrivilege, errors.UndefinedTable, errors.WrongObjectType)
"""Errors of a request that never succeeds: the statements then wait for their locks themselves."""
POLL_SECONDS = 0.005, 0.025
"""The shortest and the longest pause before the locks of other sessions are read again."""
FIRST_WAIT_SECONDS = 0.15
"""For so long, requests only use NOWAIT."""
FIRST_WAIT_MS = 5
REST = 30
"""After a request that waited in the queue, none does for this many times as long: others lose about 3 % of their time."""
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


@dataclass(frozen=True, slots=True)
class LockLimits:
    """Limits of taking locks.

    ``longest_wait_ms``: how long a request may wait in the queue if it blocks queries. ``reserve_ms``: how long, if it
    blocks none. ``seconds``: for how long the locks are requested.
    """

    longest_wait_ms: int
    reserve_ms: int
    seconds: float


@dataclass
class LockWaits:
    """How the locks of a migration were taken: for the ledger.

    ``requests``: how often a set of locks was requested. ``longest_wait_ms``: the longest time that one request
    waited in the queue. ``longest_held_ms``: the longest time that locks were held which block queries.
    ``not_lockable``: reasons why locks were left to the statements.
    """

    requests: int = 0
    longest_wait_ms: float = 0
    longest_held_ms: float = 0
    not_lockable: list[str] = field(default_factory=list)

    def add(self, queued_since: float | None) -> None:
        """Count a request. ``queued_since``: when it began to wait in the queue (``time.monotonic()``)."""
        self.requests += 1
        if queued_since is not None:
            waited = (time.monotonic() - queued_since) * 1000
            self.longest_wait_ms = max(self.longest_wait_ms, waited)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values; empty if no locks were taken before their statements."""
        if not self.requests:
            return {}
        found: dict[str, Any] = {
            "requests": self.requests,
            "longest_wait_ms": round(self.longest_wait_ms, 1),
            "longest_held_ms": round(self.longest_held_ms, 1),
        }
        return {**found, "not_lockable": self.not_lockable} if self.not_lockable else found


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


def take_locks(
    connection: psycopg.Connection[Any],
    request: LockRequest,
    waits: LockWaits,
    limits: LockLimits,
    check: Callable[[], None],
) -> bool:
    """Take all locks; return False if that was not possible in time, and no lock that blocks queries is held then.

    The session must be in a transaction. The order of the locks is kept, so the strongest should be the first.
    ``check`` is called before each request and may raise. If the server refuses a request for good,
    ``waits.not_lockable`` says why, and the result is True. Afterwards the session's ``lock_timeout`` and
    ``statement_timeout`` have to be set again.
    """
    try:
        _request(connection, request.reserving, limits.reserve_ms)
    except UNAVAILABLE:
        _release(connection)
        return False
    except NOT_LOCKABLE as error:
        _release(connection)
        waits.not_lockable.append(error.diag.message_primary or type(error).__name__)
        return True
    return _take(connection, request, waits, limits, check)


def _take(
    connection: psycopg.Connection[Any],
    request: LockRequest,
    waits: LockWaits,
    limits: LockLimits,
    check: Callable[[], None],
) -> bool:
    started = time.monotonic()
    queue_at, wait_ms = started + FIRST_WAIT_SECONDS, min(FIRST_WAIT_MS, limits.longest_wait_ms)
    while True:
        check()
        is_queued = time.monotonic() >= queue_at
        if is_queued or not _is_held_by_others(connection, request):
            requested = time.monotonic()
            is_taken = _try(connection, request, wait_ms if is_queued else 0)
            waits.add(requested if is_queued else None)
            if is_taken:
                return True
        if is_queued:
            queue_at = time.monotonic() + REST * wait_ms / 1000 * random.uniform(0.75, 1.25)  # noqa: S311
            wait_ms = min(wait_ms * 2, limits.longest_wait_ms)
        if time.monotonic() - started > limits.seconds:
            return False
        time.sleep(random.uniform(*POLL_SECONDS))  # noqa: S311  (not in step with another session)


def _is_held_by_others(connection: psycopg.Connection[Any], request: LockRequest) -> bool:
    """Whether another session holds a conflicting lock, or waits for one. A failed request would be logged."""
    row = connection.execute(HELD, [request.oids, request.conflicting]).fetchone()
    return bool(row and row[0])


def _try(connection: psycopg.Connection[Any], request: LockRequest, wait_ms: int) -> bool:
    try:
        _request(connection, request.locks, wait_ms)
    except UNAVAILABLE:
        _release(connection)
        return False
    return True


def _release(connection: psycopg.Connection[Any]) -> None:
    """Release the locks of a request, and end its savepoint."""
    connection.execute(f"rollback to savepoint {SAVEPOINT}; release savepoint {SAVEPOINT}")


def _request(connection: psycopg.Connection[Any], locks: Sequence[TableLock], wait_ms: int) -> None:
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
