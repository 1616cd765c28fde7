"""The watchdog: a process that watches a session, and ends its statement or the session if others wait too long.

It is a process of its own, so that it continues while the worker is stopped, and after the worker was killed. It ends
when the watched session has ended. It runs as a script and imports nothing of this package, so that it starts quickly.

It watches one session after the other. A line of its standard input with a JSON object, which has the fields of
``Orders``, begins the next one; one with a JSON array is described in ``enter``, the worker's other lines in
``Watch.read_input``. It reports JSON lines on its standard output.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg

from wish_rollout.postgres.execution.watchdog_connection import ANSWER_SECONDS, AnsweringConnection

EVERY = 0.04
"""Seconds between two checks. pg_blocking_pids() locks the lock manager for a moment, so not more often."""
RECONNECT_SECONDS = 0.5
GIVE_UP_SECONDS = 60.0
"""After the worker has ended, the server is not asked for longer than this if it does not answer."""
HEARTBEAT_SECONDS = 1.0
GRACE_SECONDS = 0.2
"""How long a cancelled session may keep its locks before it is terminated."""
IDLE_SECONDS = 0.3
"""A session that has been idle in its transaction for so long is terminated at once: no statement can be cancelled."""
MOST_REPORTED = 50
"""A line must fit into a pipe at once (PIPE_BUF), so its texts have a longest length too. Names of applications are ASCII."""
SESSION = """
select a.state, a.wait_event_type, extract(epoch from clock_timestamp() - a.state_change)::float
from pg_stat_activity a where a.pid = %s and a.backend_start::text = %s
"""
WAITING = """
select l.pid, a.query_id, extract(epoch from clock_timestamp() - min(l.waitstart))::float * 1000
from pg_locks l left join pg_stat_activity a on a.pid = l.pid
where not l.granted and l.pid <> %s and %s = any (pg_blocking_pids(l.pid))
  and coalesce(a.backend_type, 'client backend') in ('client backend', 'parallel worker')
group by l.pid, a.query_id
"""
"""Of sessions of other roles, only the locks can be read without the privileges of pg_read_all_stats."""
BLOCKERS = """
select coalesce(left(string_agg(format('%%s (pid %%s%%s)', coalesce(nullif(a.application_name, ''), 'a session'), b.pid,
       ', ' || a.state), ', '), 1000), '')
from unnest(pg_blocking_pids(%s)) as b (pid) left join pg_stat_activity a on a.pid = b.pid
"""
SIGNAL = "select {}(a.pid) from pg_stat_activity a where a.pid = %s and a.backend_start::text = %s"


@dataclass(frozen=True, slots=True)
class Orders:
    """What to watch: the session, how to connect to its server, and how many sessions may wait for it and how long."""

    parameters: dict[str, Any]
    pid: int
    backend_start: str
    blocked: int
    blocked_ms: float


@dataclass
class Watch:
    """The state of watching one session."""

    orders: Orders
    exceeded_at: float | None = None
    heartbeat_at: float = 0
    worker_has_ended: bool = False
    stopped: bool = False
    must_stop: bool = False
    unread: bytes = b""
    answered_at: float = field(default_factory=time.monotonic)

    def run(self) -> None:
        """Watch until the session has ended or the worker says that it needs no watchdog any more."""
        was_connected = False
        while not self.stopped:
            try:
                with AnsweringConnection.connect(**self.orders.parameters, autocommit=True) as connection:
                    connection.execute(f"set statement_timeout = {ANSWER_SECONDS * 1000}")
                    report(watching=True)
                    was_connected = True
                    while not self.stopped and self.check(connection):
                        self.read_input(EVERY)
                    self.stopped = True
            except psycopg.Error as error:
                reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                report(watching=False, lost=was_connected, reason=reason[:500], sqlstate=error.sqlstate or "")
                was_connected = False
                self.read_input(RECONNECT_SECONDS)
            if self.worker_has_ended and time.monotonic() - self.answered_at > GIVE_UP_SECONDS:
                return

    def check(self, connection: psycopg.Connection[Any]) -> bool:
        """Check once who waits for the session, and act; return False if the session has ended."""
        orders = self.orders
        identity = [orders.pid, orders.backend_start]
        session = connection.execute(SESSION, identity).fetchone()
        self.answered_at = time.monotonic()
        if session is None:
            report(ended=True)
            return False
        if self.worker_has_ended:
            self.signal(connection, "pg_terminate_backend")
            return True
        waiting = connection.execute(WAITING, [orders.pid, orders.pid]).fetchall()
        if waiting:
            longest_first = sorted(waiting, key=lambda row: -float(row[2] or 0))
            report(waiting=[[pid, query, float(ms or 0)] for pid, query, ms in longest_first[:MOST_REPORTED]])
        longest = max((float(row[2] or 0) for row in waiting), default=0.0)
        if len(waiting) > orders.blocked or longest > orders.blocked_ms:
            self.let_go(connection, session)
        elif waiting and orders.blocked_ms - longest < EVERY * 1000:
            time.sleep(max(0.0, orders.blocked_ms - longest) / 1000)
            return self.check(connection)
        self.report_state(connection, session)
        return True

    def let_go(self, connection: psycopg.Connection[Any], session: tuple[Any, ...]) -> None:
        """Cancel the session's statement; terminate the session if that does not release its locks."""
        state, _, idle_for = session
        is_idle = str(state or "").startswith("idle in transaction") and idle_for > IDLE_SECONDS
        now = time.monotonic()
        if self.exceeded_at is None:
            self.exceeded_at = now
            report(exceeded=True)
            if not is_idle:
                self.signal(connection, "pg_cancel_backend")
        if is_idle or now - self.exceeded_at > GRACE_SECONDS:
            self.signal(connection, "pg_terminate_backend")

    def signal(self, connection: psycopg.Connection[Any], function: str) -> None:
        """Call a function with the session's pid, if the pid still belongs to that session."""
        connection.execute(SIGNAL.format(function).encode(), [self.orders.pid, self.orders.backend_start])

    def report_state(self, connection: psycopg.Connection[Any], session: tuple[Any, ...]) -> None:
        """Report now and then what the session does, and which sessions it waits for."""
        if time.monotonic() - self.heartbeat_at < HEARTBEAT_SECONDS:
            return
        self.heartbeat_at = time.monotonic()
        state, wait, _ = session
        row = connection.execute(BLOCKERS, [self.orders.pid]).fetchone() if wait == "Lock" else None
        report(state=state, blockers=row[0] if row else "")

    def read_input(self, seconds: float) -> None:
        """Wait; take the worker's lines meanwhile: ``attempt`` begins a new attempt, ``stop`` ends the watchdog."""
        if self.worker_has_ended:
            time.sleep(seconds)
            return
        if not select.select([sys.stdin], [], [], seconds)[0]:
            return
        data = os.read(sys.stdin.fileno(), 4096)
        *lines, self.unread = (self.unread + data).split(b"\n")
        self.must_stop = b"stop" in lines
        self.stopped = self.stopped or self.must_stop
        self.worker_has_ended = not data
        if b"attempt" in lines:
            self.exceeded_at = None
            report(attempt=True)


def report(**values: Any) -> None:
    """Write a line for the worker. A worker that has ended reads none, and one that is stopped must not block this."""
    line = json.dumps(values).encode() + b"\n"
    with suppress(OSError):
        if select.select([], [sys.stdout], [], 0)[1]:
            os.write(sys.stdout.fileno(), line)


def read_line() -> bytes:
    """Return the next line of the worker, and no byte of the one behind; empty: the worker has ended."""
    data = bytearray()
    while not data.endswith(b"\n"):
        read = os.read(sys.stdin.fileno(), 1)
        if not read:
            return b""
        data += read
    return bytes(data)


def enter(directory: str, variables: dict[str, str]) -> None:
    """Take the working directory and the environment variables of the worker, from which libpq reads parameters."""
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(variables)


def main() -> None:
    """Watch the sessions of the worker's orders, until the worker has ended."""
    while line := read_line():
        must_stop = line == b"stop\n"
        if line.startswith(b"["):
            enter(*json.loads(line))
        elif line.startswith(b"{"):
            watch = Watch(Orders(**json.loads(line)))
            watch.run()
            must_stop = watch.must_stop
        if must_stop:
            report(finished=True)


if __name__ == "__main__":
    main()
