"""Watching, from a second session, what our waiting and our locks do to others; and getting out of their way."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.errors.base import RolloutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]
    """Opens a session in autocommit."""

EVERY = 0.04
"""Seconds between two looks. pg_blocking_pids() holds the lock manager for a moment, so not more often."""
BETWEEN = 0.5
"""Seconds before a lost watch is taken up again."""
WAITING = """
select a.pid, a.query_id, extract(epoch from clock_timestamp() - min(l.waitstart)) * 1000
from pg_stat_activity a join pg_locks l on l.pid = a.pid and not l.granted
where a.backend_type = 'client backend' and a.wait_event_type = 'Lock' and %s = any (pg_blocking_pids(a.pid))
group by a.pid, a.query_id
"""


@dataclass
class ObservedWaits:
    """Who waited for us: sessions, the longest wait in milliseconds, and query ids (never a query's text).

    ``limit_exceeded``: it was too many or too long, so our statement was cancelled. ``lost``: how often the watch was lost.
    """

    pids: set[int] = field(default_factory=set)
    longest_ms: float = 0
    queries: set[int] = field(default_factory=set)
    limit_exceeded: bool = False
    lost: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Give what is recorded."""
        return {
            "sessions": len(self.pids),
            "longest_ms": round(self.longest_ms),
            "query_ids": sorted(self.queries),
        }


class Watchdog:
    """A thread that looks who waits for a session, and cancels that session's statement when it is too much.

    The cancelled statement fails with SQLSTATE 57014. A cancel that comes between two statements finds none:
    so ``observed.limit_exceeded`` has to be looked at before each.
    """

    def __init__(self, pid: int, blocked: int, blocked_ms: float) -> None:
        self.pid = pid
        self.blocked = blocked
        self.blocked_ms = blocked_ms
        self.observed = ObservedWaits()
        self.refused: psycopg.Error | RolloutError | None = None
        self._stop = threading.Event()
        self._ready = threading.Event()

    def look(self, connection: psycopg.Connection[Any]) -> None:
        """Look once; the session must be in autocommit."""
        waiting = connection.execute(WAITING, [self.pid]).fetchall()
        for pid, query, waited in waiting:
            self.observed.pids.add(pid)
            self.observed.longest_ms = max(self.observed.longest_ms, float(waited or 0))
            if query is not None:
                self.observed.queries.add(query)
        if len(waiting) > self.blocked or any(float(row[2] or 0) > self.blocked_ms for row in waiting):
            self.observed.limit_exceeded = True
            connection.execute("select pg_cancel_backend(%s)", [self.pid])

    def run(self, connect: Connect) -> None:
        """Look until told to stop. A watch that is lost meanwhile is taken up again; our budgets hold without it."""
        while not self._stop.is_set():
            try:
                with connect() as connection:
                    self._ready.set()
                    while not self._stop.wait(EVERY):
                        self.look(connection)
            except (psycopg.Error, RolloutError) as error:
                if not self._ready.is_set():
                    self.refused = error
                    self._ready.set()
                    return
                self.observed.lost += 1
                self._stop.wait(BETWEEN)

    @contextmanager
    def watching(self, connect: Connect) -> Iterator[ObservedWaits]:
        """Watch for as long as the block runs; give what is held up, as it becomes known.

        Raises what refused it a session, before the block: nothing is to run unwatched.
        """
        thread = threading.Thread(target=self.run, args=(connect,), daemon=True, name="watchdog")
        thread.start()
        self._ready.wait()
        if self.refused:
            raise self.refused
        try:
            yield self.observed
        finally:
            self._stop.set()
            thread.join()
