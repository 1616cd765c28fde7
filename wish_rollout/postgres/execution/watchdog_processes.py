"""The worker's processes that run watchdogs.

A process watches one session at a time. When it has finished, it is kept for the next one: to start Python and import
psycopg takes about 0.2 seconds of processor time, more than a small migration.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.execution import watchdog_process

if TYPE_CHECKING:
    from collections.abc import Callable

COMMAND = [sys.executable, "-P", str(watchdog_process.__file__)]
STOP_SECONDS = 5.0
"""How long a process may take until it has ended its session."""
EXIT_SECONDS = 2.0
"""How long this process waits at its exit for the end of the processes that are kept."""

Environment = tuple[str, dict[str, str]]


class WatchdogProcess:
    """A process for watchdogs. It ends by itself when this process has ended.

    ``environment``: its working directory and environment variables, from which libpq reads parameters.
    ``receiver``: called with each report, in a thread of its own, and at last with None, when the process has ended.
    """

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.receiver: Callable[[dict[str, Any] | None], None] = lambda _report: None
        self._finished, self._has_ended = threading.Event(), False
        self._process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        threading.Thread(target=self._read, daemon=True, name="watchdog").start()

    @property
    def process_id(self) -> int:
        """The ID of the process."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether the process has not ended."""
        return not self._has_ended and self._process.poll() is None

    def enter(self, environment: Environment) -> None:
        """Give the process, which must watch no session, the environment of the next one."""
        if self.environment != environment:
            self.send(json.dumps(environment))
            self.environment = environment

    def begin(self, orders: dict[str, Any], receiver: Callable[[dict[str, Any] | None], None]) -> None:
        """Watch a session, and report to ``receiver``. The process must not watch another one."""
        self._finished.clear()
        self.receiver = receiver
        self.send(json.dumps(orders))

    def send(self, line: str) -> None:
        """Send a line; a process that has ended gets none."""
        assert self._process.stdin
        with suppress(OSError, ValueError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def finish(self) -> None:
        """End the watchdog, and keep the process if it confirms that in time; else kill it."""
        self.send("stop")
        confirmed = self._finished.wait(STOP_SECONDS)
        self.receiver = lambda _report: None
        if confirmed and self.runs:
            with _lock:
                _idle.append(self)
        else:
            self.kill()

    def kill(self) -> None:
        """Kill the process, and wait for its end."""
        self._process.kill()
        self._process.wait()
        self.close_input()

    def close_input(self) -> None:
        """Close the standard input of the process, at which it ends if it watches no session."""
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()

    def wait(self, seconds: float) -> None:
        """Wait for the end of the process, at most so long."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                report = json.loads(line)
                if "finished" in report:
                    self._finished.set()
                else:
                    self.receiver(report)
        self._has_ended = True
        self.receiver(None)
        self._finished.set()


_idle: list[WatchdogProcess] = []
_lock = threading.Lock()
os.register_at_fork(after_in_child=_idle.clear)


def acquire_process() -> WatchdogProcess:
    """Return a process that watches no session, in this environment: one that is kept, or a new one."""
    environment = str(Path.cwd()), dict(os.environ)
    with _lock:
        while _idle:
            process = _idle.pop()
            if process.runs:
                process.enter(environment)
                return process
            process.kill()
    return WatchdogProcess(environment)


@atexit.register
def end_idle_processes() -> None:
    """End the processes that are kept. If this process did not wait for them, they could stay as zombies of PID 1."""
    with _lock:
        idle = _idle.copy()
        _idle.clear()
    for process in idle:
        process.close_input()
    end = time.monotonic() + EXIT_SECONDS
    for process in idle:
        process.wait(max(0.0, end - time.monotonic()))
