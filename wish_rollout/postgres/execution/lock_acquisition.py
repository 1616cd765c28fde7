"""Take the locks of a transaction together, before its first DDL, and without making other sessions wait.

A lock request that waits in the queue blocks every later request of the same table (manual, 13.3.1). So the locks are
requested with NOWAIT. If one of them is not available, all are released by ROLLBACK TO SAVEPOINT, and requested again
after a short random pause. NOWAIT alone may never succeed on a busy table. So now and then the request waits in the
queue for some milliseconds, and afterwards the pause is many times as long.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import errors, sql

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import psycopg

    from wish_rollout.core.release.measurements import TableLock

SAVEPOINT: LiteralString = "wish_rollout_locks"
UNAVAILABLE = (errors.LockNotAvailable, errors.DeadlockDetected, errors.QueryCanceled)
"""Errors of a request that may succeed later. QueryCanceled: ``statement_timeout`` expired first."""
NOT_LOCKABLE = (errors.InsufficientPrivilege, errors.UndefinedTable, errors.WrongObjectType)
"""Errors of a request that never succeeds: the statements then wait for their locks themselves."""
POLL_SECONDS = 0.004, 0.02
"""The shortest and the longest pause between two requests with NOWAIT."""
FIRST_WAIT_SECONDS = 0.15
"""For so long, requests only use NOWAIT."""
FIRST_WAIT_MS = 5
REST = 30
"""After a request that waited in the queue, none does for this many times as long: others lose about 3 % of their time."""
EXISTING = """
select n.nspname, c.relname
from unnest(%s::text[], %s::text[]) as wanted (schema, name)
join pg_catalog.pg_namespace n on n.nspname = wanted.schema
join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = wanted.name
where c.relkind in ('r', 'p')
"""


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


def existing_tables(connection: psycopg.Connection[Any], locks: Sequence[TableLock]) -> list[TableLock]:
    """Return the locks whose table exists in this database."""
    names = [lock.schema for lock in locks], [lock.table for lock in locks]
    found = set(connection.execute(EXISTING, names).fetchall())
    return [lock for lock in locks if (lock.schema, lock.table) in found]


def take_locks(  # noqa: PLR0913
    connection: psycopg.Connection[Any],
    locks: Sequence[TableLock],
    waits: LockWaits,
    *,
    longest_wait_ms: int,
    seconds: float,
    check: Callable[[], None],
) -> bool:
    """Take all locks; return False if that was not possible within ``seconds``, and no lock is held then.

    The session must be in a transaction. The order of ``locks`` is kept, so the strongest should be the first.
    ``longest_wait_ms``: how long a request may wait in the queue. ``check`` is called before each request and may
    raise. If the server refuses a request for good, ``waits.not_lockable`` says why, and the result is True.
    """
    started = time.monotonic()
    queue_at, wait_ms = started + FIRST_WAIT_SECONDS, min(FIRST_WAIT_MS, longest_wait_ms)
    while True:
        check()
        is_queued = time.monotonic() >= queue_at
        waits.requests += 1
        requested = time.monotonic()
        try:
            _request(connection, locks, wait_ms if is_queued else 0)
        except UNAVAILABLE:
            _release(connection)
        except NOT_LOCKABLE as error:
            _release(connection)
            waits.not_lockable.append(error.diag.message_primary or type(error).__name__)
            return True
        else:
            return True
        finally:
            if is_queued:
                waited = time.monotonic() - requested
                waits.longest_wait_ms = max(waits.longest_wait_ms, waited * 1000)
        if is_queued:
            queue_at = time.monotonic() + REST * wait_ms / 1000 * random.uniform(0.75, 1.25)  # noqa: S311
            wait_ms = min(wait_ms * 2, longest_wait_ms)
        if time.monotonic() - started > seconds:
            return False
        time.sleep(random.uniform(*POLL_SECONDS))  # noqa: S311  (not in step with another session)


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
