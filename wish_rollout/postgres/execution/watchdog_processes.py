"""Watchdog processes: started when they are needed, and kept for the next session by a worker that has many.

To start one takes about 0.3 s of processor time, which a worker of a fleet would need for each target.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

from wish_rollout.postgres.execution import watchdog_process

Process = subprocess.Popen[bytes]
COMMAND = [sys.executable, "-P", str(watchdog_process.__file__)]
STOP_SECONDS = 5.0
"""How long a process may take to end a watch, or to end."""

_free: list[Process] = []
_is_keeping = False


def keep_processes() -> None:
    """Keep processes that are given back, for the rest of this process. They end with it, also if it is killed."""
    global _is_keeping  # noqa: PLW0603
    _is_keeping = True


def take() -> Process:
    """Return a process that watches no session: one that was kept, or a new one."""
    while _free:
        process = _free.pop()
        if process.poll() is None:
            return process
    return subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)


def give_back(process: Process, *, is_free: bool) -> None:
    """Keep a process, or end it. ``is_free``: it has reported that it watches no session any more."""
    if is_free and _is_keeping and process.poll() is None:
        _free.append(process)
        return
    if not is_free:  # it would watch the session until that ends
        process.kill()
    if process.stdin:
        with suppress(OSError):
            process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)
    if is_free and process.stdout:  # otherwise the thread that reads it closes it
        process.stdout.close()
