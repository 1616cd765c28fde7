"""A lock for as long as a process lives, by which others can tell that it is gone.

Session locks end with their session, whatever ended that (manual, 13.3.5); two keys of 32 bits are another
space than one of 64, so these never meet the rollout's own lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg

SPACE = int.from_bytes(b"wish", "big")


STAY = "select set_config(name, '0', false) from pg_settings where name = 'idle_session_timeout'"
"""Not to be ended for saying nothing; before version 14 no session is (manual, 19.11.1)."""


def hold(connection: psycopg.Connection[Any], name: str) -> bool:
    """Take a name's lock on this session, which then stays; False where somebody else has it."""
    connection.execute(STAY)
    return _try(connection, name)


def _try(connection: psycopg.Connection[Any], name: str) -> bool:
    return _one(connection, "select pg_try_advisory_lock(%s, hashtext(%s))", name)


def is_lock_released(connection: psycopg.Connection[Any], name: str) -> bool:
    """Whether nobody holds a name's lock any more."""
    if not _try(connection, name):
        return False
    return _one(connection, "select pg_advisory_unlock(%s, hashtext(%s))", name)


def read_server_start(connection: psycopg.Connection[Any]) -> datetime:
    """Say when the server was started: no lock is older."""
    row = connection.execute("select pg_postmaster_start_time()").fetchone()
    assert row is not None
    started: datetime = row[0]
    return started


def _one(connection: psycopg.Connection[Any], query: str, name: str) -> bool:
    row = connection.execute(query.encode(), [SPACE, name]).fetchone()
    return bool(row and row[0])
