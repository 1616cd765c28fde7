"""Which process carries out a run, told so that another one can say whether it is still there."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
BOOT = PROC / "sys/kernel/random/boot_id"
NAMESPACE = PROC / "self/ns/pid"
ENDED = "ZX"
"""States of a process that has ended and was not collected yet (proc_pid_stat(5))."""


@dataclass(frozen=True, slots=True)
class RunProcess:
    """A process, by its machine's name, boot and PID namespace, and by its number and when it began.

    The boot is in it since numbers begin anew with it; the namespace, since containers on one machine share none; when
    it began, since a number is given to others later.
    """

    machine: str
    pid: int
    began: str

    @classmethod
    def here(cls) -> RunProcess:
        """Give this process."""
        return cls(_machine(), os.getpid(), _began(os.getpid()) or "?")

    @classmethod
    def from_text(cls, text: str) -> RunProcess | None:
        """Read what ``str`` wrote; None for anything else."""
        with suppress(ValueError):
            machine, pid, began = text.split(" ")
            return cls(machine, int(pid), began)
        return None

    def __str__(self) -> str:
        return f"{self.machine} {self.pid} {self.began}"

    def has_ended(self) -> bool | None:
        """Whether the process has ended; None where that cannot be told from here."""
        if self.machine != _machine() or "/" not in self.machine:  # a name alone is several machines'
            return None
        began = _began(self.pid)
        return None if began is None else began != self.began


def _machine() -> str:
    parts = [socket.gethostname().replace(" ", "_")]
    with suppress(OSError):
        parts += [BOOT.read_text().strip(), str(NAMESPACE.readlink())]
    return "/".join(parts)


def _began(pid: int) -> str | None:
    """Say when a process began, in the kernel's ticks; "" for one that has ended, None where that cannot be told."""
    with suppress(OSError, IndexError):
        # its name comes second, in parentheses, and may hold anything
        fields = PROC.joinpath(str(pid), "stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in ENDED else fields[19]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:  # another user's, which /proc may hide
        return None
    return None
