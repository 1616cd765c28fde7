"""The mutex: one rollout a database, held by a session of its own, gone when that session is gone."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wish_rollout.core.database_errors import LockHeld

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

KEY = int.from_bytes(b"wish-rol", "big", signed=True)
"""Advisory locks are a database's own (manual, 13.3.5), so one key serves all."""

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

    The connection must be in autocommit and of its own: a waiter in ``pg_advisory_lock()`` would hold a
    snapshot, and a concurrent index build would wait for it for ever. So we poll.
    """
    started = time.monotonic()
    pause = 0.02
    while not try_lock(connection):
        waited = time.monotonic() - started
        if waited >= wait:
            raise LockHeld(environment, waited, holder(connection))
        time.sleep(min(pause, max(wait - waited, 0.001)))
        pause = min(pause * 1.5, 0.5)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", [KEY])


def try_lock(connection: psycopg.Connection[Any]) -> bool:
    """Try once, without waiting."""
    row = connection.execute("select pg_try_advisory_lock(%s)", [KEY]).fetchone()
    return bool(row and row[0])


def holder(connection: psycopg.Connection[Any]) -> str:
    """Say who holds the lock: application, client, since when."""
    row = connection.execute(HOLDER, [KEY]).fetchone()
    return str(row[0]) if row else "it ended just now"
