"""Identification of the process that executes a run, so that another process can check whether it is alive."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
BOOT = PROC / "sys/kernel/random/boot_id"
NAMESPACE = PROC / "self/ns/pid"
ENDED_STATES = "ZX"
"""Process states zombie and dead (proc_pid_stat(5), field 3)."""


@dataclass(frozen=True, slots=True)
class RunProcess:
    """A process, identified by machine, process ID and start time.

    ``machine``: host name, boot ID and PID namespace. Process IDs start again with each boot, and each PID namespace
    has its own. ``start_time``: in kernel ticks since boot. The kernel reuses the ID of an ended process.
    """

    machine: str
    pid: int
    start_time: str

    @classmethod
    def here(cls) -> RunProcess:
        """Return the current process."""
        return cls(_machine(), os.getpid(), _start_time(os.getpid()) or "?")

    @classmethod
    def from_text(cls, text: str) -> RunProcess | None:
        """Parse the result of ``str``; return None for any other text."""
        with suppress(ValueError):
            machine, pid, start_time = text.split(" ")
            return cls(machine, int(pid), start_time)
        return None

    def __str__(self) -> str:
        return f"{self.machine} {self.pid} {self.start_time}"

    def has_ended(self) -> bool | None:
        """Return whether the process has ended, or None if this machine cannot determine it."""
        if self.machine != _machine() or "/" not in self.machine:  # several machines may share a host name
            return None
        start_time = _start_time(self.pid)
        return None if start_time is None else start_time != self.start_time


def _machine() -> str:
    parts = [socket.gethostname().replace(" ", "_")]
    with suppress(OSError):
        parts += [BOOT.read_text().strip(), str(NAMESPACE.readlink())]
    return "/".join(parts)


def _start_time(pid: int) -> str | None:
    """Return a process's start time in kernel ticks, "" if it has ended, or None if it cannot be read."""
    with suppress(OSError, IndexError):
        # the second field is the command name in parentheses, which may contain any character
        fields = PROC.joinpath(str(pid), "stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in ENDED_STATES else fields[19]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:  # another user's process, which /proc may hide
        return None
    return None
