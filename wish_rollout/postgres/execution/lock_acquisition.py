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
from typing import TYPE_CHECKING, Any

from psycopg import errors

from wish_rollout.postgres.execution.lock_requests import (
    LockRequest,
    is_held_by_others,
    release_locks,
    request_locks,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

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
        request_locks(connection, request.reserving, limits.reserve_ms)
    except UNAVAILABLE:
        release_locks(connection)
        return False
    except NOT_LOCKABLE as error:
        release_locks(connection)
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
        if is_queued or not is_held_by_others(connection, request):
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


def _try(connection: psycopg.Connection[Any], request: LockRequest, wait_ms: int) -> bool:
    try:
        request_locks(connection, request.locks, wait_ms)
    except UNAVAILABLE:
        release_locks(connection)
        return False
    return True
