"""The worker's side of the watchdog: starts its process, and knows what it reports."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.execution.watchdog_connection import ANSWER_SECONDS, CONNECT_SECONDS
from wish_rollout.postgres.execution.watchdog_processes import acquire_process

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.postgres.execution.watchdog_processes import WatchdogProcess

START_SECONDS = 20.0
"""How long the process may take until it watches: it starts Python, and connects."""
REPORT_SECONDS = 1.0
"""How long a report may take that the process has sent."""
SILENT_SECONDS = 30.0
"""After so long without an answer to either connection, the server counts as unreachable."""
HALF_OPEN_SECONDS = 10.0
"""After so long, the answer to a statement counts as lost if the watchdog sees that the statement has ended."""
BACKEND_START = "select backend_start::text from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid())"
"""Of the function that pg_stat_activity calls, which joins other catalogs."""


@dataclass
class ObservedWaits:
    """The sessions that waited for one attempt.

    ``pids``: of the sessions. ``longest_ms``: the longest wait. ``queries``: the IDs of their queries, never the text.
    ``limit_exceeded``: too many waited, or one waited too long, so the attempt was cancelled. ``lost``: how often the
    watchdog's connection was lost.
    """

    pids: set[int] = field(default_factory=set)
    longest_ms: float = 0
    queries: set[int] = field(default_factory=set)
    limit_exceeded: bool = False
    lost: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return what the ledger records."""
        return {
            "sessions": len(self.pids),
            "longest_ms": round(self.longest_ms),
            "query_ids": sorted(self.queries),
        }


class Watchdog:
    """A watchdog of one session.

    ``is_watching``: it has a connection to the server now; ``reason``: why it has none. ``blockers``: the sessions that
    the watched session waits for, at the last report; ``state``: the state of the session then (manual,
    pg_stat_activity).
    """

    def __init__(self, session: psycopg.Connection[Any], blocked: int, blocked_ms: float) -> None:
        self.is_watching = False
        self.reason = ""
        self.blockers = ""
        self.state = ""
        self.attempts: list[ObservedWaits] = []
        self._current = 0
        self._answered_at = time.monotonic()
        self._changed = threading.Condition()
        self._process: WatchdogProcess | None = None
        row = session.execute(BACKEND_START).fetchone()
        self._orders = {
            "parameters": connection_parameters(session),
            "pid": session.info.backend_pid,
            "backend_start": row[0] if row else "",
            "blocked": blocked,
            "blocked_ms": blocked_ms,
        }

    @property
    def lost(self) -> int:
        """How often its connection was lost."""
        return sum(each.lost for each in self.attempts)

    @property
    def process_id(self) -> int | None:
        """The ID of the process that watches, or watched last."""
        return self._process.process_id if self._process else None

    def begin_attempt(self) -> None:
        """Observe a new attempt."""
        with self._changed:
            self.attempts.append(ObservedWaits())
        if self._process:
            self._process.send("attempt")

    def start(self) -> None:
        """Start watching in a process of its own, unless one watches."""
        if self._process and self._process.runs:
            return
        self._process = process = acquire_process()
        self._answered_at, self._current, self.reason = time.monotonic(), max(len(self.attempts) - 1, 0), ""
        process.begin(self._orders, lambda report: self._receive(process, report))

    def stop(self) -> None:
        """Stop watching."""
        if self._process:
            self._process.finish()

    def wait_until_watching(self, seconds: float = START_SECONDS) -> bool:
        """Start the process if it does not run; return whether it has a connection, or False after ``seconds``."""
        self.start()
        with self._changed:
            self._changed.wait_for(lambda: self.is_watching or bool(self.reason), seconds)
        return self.is_watching

    def has_exceeded_limit(self, seconds: float = REPORT_SECONDS) -> bool:
        """Return whether the attempt was cancelled because others waited too long for it.

        That is reported before the statement is cancelled, but another thread reads it, perhaps later than this one reads the
        server's error; so it is waited for, at most ``seconds``.
        """
        attempt = self.attempts[-1]
        with self._changed:
            self._changed.wait_for(lambda: attempt.limit_exceeded, seconds if self._process else 0)
        return attempt.limit_exceeded

    def reason_to_give_up(self, seconds: float) -> str:
        """Return why no answer will come to a statement that was sent ``seconds`` ago, or "" if one may come."""
        if self._process is None:
            return ""
        if seconds > HALF_OPEN_SECONDS and self.is_watching and self.state.startswith("idle"):
            return "the connection is half-open: the server has executed the statement, and its answer did not arrive"
        silent = time.monotonic() - self._answered_at
        if min(silent, seconds) > SILENT_SECONDS:
            return f"the server has not answered for {silent:.0f} s, on two connections"
        return ""

    def _receive(self, process: WatchdogProcess, report: dict[str, Any] | None) -> None:
        """Take a report of the process; None: it has ended."""
        with self._changed:
            if report is not None:
                self._take(report)
            elif process is self._process:
                self.is_watching, self.reason = False, self.reason or "its process has ended"
            self._changed.notify_all()

    def _take(self, values: dict[str, Any]) -> None:
        if "attempt" in values:
            self._current = len(self.attempts) - 1
        observed = self.attempts[self._current] if self.attempts else ObservedWaits()
        if "watching" in values:
            self.is_watching, self.reason = values["watching"], values.get("reason", "")
            observed.lost += bool(values.get("lost"))
        if self.is_watching or values.get("sqlstate"):
            self._answered_at = time.monotonic()
        for pid, query, waited in values.get("waiting", ()):
            observed.pids.add(pid)
            observed.longest_ms = max(observed.longest_ms, waited)
            if query is not None:
                observed.queries.add(query)
        observed.limit_exceeded = observed.limit_exceeded or bool(values.get("exceeded"))
        if "state" in values:
            self.state, self.blockers = str(values["state"] or ""), values["blockers"]


def connection_parameters(session: psycopg.Connection[Any]) -> dict[str, Any]:
    """Return the libpq parameters for a second session on the same server; the password is among them."""
    info = session.info
    parameters = info.get_parameters()
    return {
        **parameters,
        "host": info.host,
        "port": info.port,
        "password": info.password,
        "application_name": f"{parameters.get('application_name', '')} watchdog"[-63:].strip(),
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": ANSWER_SECONDS * 1000,
    }
