"""The mutex: one rollout a database, held by the session that does the work, gone when that is gone."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus

from wish_rollout.core.errors.databases import RolloutLockHeld, PooledConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = int.from_bytes(b"wish-rol", "big", signed=True)
"""Advisory locks are a database's own (manual, 13.3.5), so one key serves all."""
PAUSES = 0.02, 0.2
"""Seconds between two tries."""

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
    """Hold the rollout lock of the connection's database; raise LockHeld after ``wait`` seconds.

    It is the very session that does the work, so the lock ends with the work and not before: a session lock
    outlives commits and rollbacks (manual, 13.3.5). The connection must be in autocommit. A waiter in
    ``pg_advisory_lock()`` would hold a snapshot, and a concurrent index build would wait for it for ever, so
    we poll.
    """
    started = time.monotonic()
    while not try_lock(connection):
        waited = time.monotonic() - started
        if waited >= wait:
            raise RolloutLockHeld(environment, waited, holder(connection))
        pause = random.uniform(*PAUSES)  # noqa: S311  (many that wait do not ask all at the same moment)
        time.sleep(min(pause, max(wait - waited, 0.001)))
    try:
        yield
    finally:
        # a session that was cut has lost the lock with it, and what ended it is told already
        with suppress(psycopg.Error):
            if connection.info.transaction_status == TransactionStatus.IDLE:
                connection.execute("select pg_advisory_unlock(%s)", [KEY])


def refuse_pooler(connection: psycopg.Connection[Any], environment: str) -> None:
    """Raise PooledConnection where a pooler stands in between: it hands out backend keys of its own."""
    row = connection.execute("select pg_backend_pid()").fetchone()
    if row and row[0] != connection.info.backend_pid:
        raise PooledConnection(environment)


def try_lock(connection: psycopg.Connection[Any]) -> bool:
    """Try once, without waiting."""
    row = connection.execute("select pg_try_advisory_lock(%s)", [KEY]).fetchone()
    return bool(row and row[0])


def holder(connection: psycopg.Connection[Any]) -> str:
    """Say who holds the lock: application, client, since when."""
    row = connection.execute(HOLDER, [KEY]).fetchone()
    return str(row[0]) if row else "it ended just now"
