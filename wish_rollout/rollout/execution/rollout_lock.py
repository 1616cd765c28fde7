"""The rollout lock of a target: one rollout per database, held by the session that migrates."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.sessions.rollout_lock import refuse_pooler, rollout_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from wish_rollout.rollout.servers.target import Target


@contextmanager
def rollout_mutex(target: Target, connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Hold the target's lock on this autocommit session; raise RolloutLockHeld or PooledConnection."""
    if not target.environment.pooled_sessions:
        refuse_pooler(connection, target.name)
    with rollout_lock(connection, target.name, target.environment.lock_wait):
        yield
