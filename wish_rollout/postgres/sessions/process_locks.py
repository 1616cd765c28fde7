"""Advisory locks that processes hold while they run, so that other processes can see when one has ended.

A session-level lock is released when its session ends for any reason (manual, 13.3.5). Locks with two 32-bit keys
and locks with one 64-bit key are separate, so these locks never conflict with the rollout lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg

LOCK_CLASS = int.from_bytes(b"wish", "big")


DISABLE_IDLE_TIMEOUT = (
    "select set_config(name, '0', false) from pg_settings where name = 'idle_session_timeout'"
)
"""Idle sessions are never terminated then (manual, 19.11.1)."""


def acquire_process_lock(connection: psycopg.Connection[Any], name: str) -> bool:
    """Take the lock of a name for this session, and keep the session from being terminated when idle.

    Return False if another session holds the lock.
    """
    connection.execute(DISABLE_IDLE_TIMEOUT)
    return _try_lock(connection, name)


def _try_lock(connection: psycopg.Connection[Any], name: str) -> bool:
    return _call_lock_function(connection, "select pg_try_advisory_lock(%s, hashtext(%s))", name)


def is_lock_released(connection: psycopg.Connection[Any], name: str) -> bool:
    """Return whether no other session holds the lock of a name."""
    if not _try_lock(connection, name):
        return False
    return _call_lock_function(connection, "select pg_advisory_unlock(%s, hashtext(%s))", name)


def read_server_start(connection: psycopg.Connection[Any]) -> datetime:
    """Return when the server was started. No advisory lock is older."""
    row = connection.execute("select pg_postmaster_start_time()").fetchone()
    assert row is not None
    started: datetime = row[0]
    return started


def _call_lock_function(connection: psycopg.Connection[Any], query: str, name: str) -> bool:
    row = connection.execute(query.encode(), [LOCK_CLASS, name]).fetchone()
    return bool(row and row[0])
