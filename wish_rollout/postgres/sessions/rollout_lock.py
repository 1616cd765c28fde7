"""The rollout lock: an advisory lock that allows one rollout at a time in a database."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus

from wish_rollout.core.errors.databases import PooledConnection, RolloutLockHeld

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = int.from_bytes(b"wish-rol", "big", signed=True)
"""Advisory locks are local to a database (manual, 13.3.5), so all databases use the same key."""
RETRY_INTERVALS = 0.02, 0.2
"""The shortest and longest time between two attempts, in seconds."""

HOLDER = """
select format('%%s (%%s, since %%s)', coalesce(nullif(a.application_name, ''), 'pid ' || a.pid),
              coalesce(host(a.client_addr), 'local socket'), to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ'))
from pg_locks l join pg_stat_activity a using (pid)
where l.locktype = 'advisory' and l.granted and l.objsubid = 1
  and l.database = (select oid from pg_database where datname = current_database())
  and (l.classid::bigint << 32) | l.objid::bigint = %s
"""


@contextmanager
def rollout_lock(connection: psycopg.Connection[Any], environment: str, wait: float) -> Iterator[None]:
    """Hold the rollout lock of the connection's database; raise ``RolloutLockHeld`` after ``wait`` seconds.

    ``environment``: its name, for errors. Use the session that executes the rollout, so that the lock is released
    when that session ends; a session-level lock is kept through commits and rollbacks (manual, 13.3.5).
    The session must be in autocommit mode. The function polls, because a session that waits in
    ``pg_advisory_lock()`` holds a snapshot, for which CREATE INDEX CONCURRENTLY would wait: a deadlock.
    """
    started = time.monotonic()
    while not try_lock(connection):
        waited = time.monotonic() - started
        if waited >= wait:
            raise RolloutLockHeld(environment, waited, read_lock_holder(connection))
        pause = random.uniform(*RETRY_INTERVALS)  # noqa: S311  (waiting sessions must not all retry at once)
        time.sleep(min(pause, max(wait - waited, 0.001)))
    try:
        yield
    finally:
        # a session that has ended has released the lock, and its error has been reported
        with suppress(psycopg.Error):
            if connection.info.transaction_status == TransactionStatus.IDLE:
                connection.execute("select pg_advisory_unlock(%s)", [KEY])


def refuse_pooler(connection: psycopg.Connection[Any], environment: str) -> None:
    """Raise PooledConnection if a connection pooler is between client and server.

    A pooler reports a process ID in its startup messages that differs from that of the server process.
    """
    row = connection.execute("select pg_backend_pid()").fetchone()
    if row and row[0] != connection.info.backend_pid:
        raise PooledConnection(environment)


def try_lock(connection: psycopg.Connection[Any]) -> bool:
    """Try to take the rollout lock without waiting; return whether the session has it now."""
    row = connection.execute("select pg_try_advisory_lock(%s)", [KEY]).fetchone()
    return bool(row and row[0])


def read_lock_holder(connection: psycopg.Connection[Any]) -> str:
    """Return which session holds the lock: application, client address, and start time."""
    row = connection.execute(HOLDER, [KEY]).fetchone()
    return str(row[0]) if row else "a session that has just ended"
