"""The processes of one cluster, and no other.

Each process of a server carries the server's ``cluster_name`` in its title, the postmaster in its arguments
(manual: "Reporting and Logging", "Process Title"). A number from a file alone is never trusted: the system
gives numbers to others once a process has ended.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = Path("/proc")
POSTMASTER = re.compile(r"(^|/)postgres -D ")
STARTERS = re.compile(r"(^|/)(postgres -D|pg_ctl start|sh -c) ")
"""How the arguments begin of a postmaster, of pg_ctl, and of the shell between the two."""
STEPS = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
"""Fast, immediate, and what nothing withstands (manual: "Shutting Down the Server")."""


def find_postmaster(data: Path, cluster_name: str) -> int | None:
    """Give the number of the running postmaster of a data directory; ``None`` if there is none."""
    lines = _pid_file(data)
    with suppress(IndexError, ValueError):
        pid = abs(int(lines[0]))
        if _is_called(POSTMASTER, _command(pid), cluster_name):
            return pid
    return None


def is_ready(data: Path) -> bool:
    """Whether the postmaster of a data directory has written that it takes connections."""
    lines = _pid_file(data)
    return len(lines) > 7 and lines[7].strip() == "ready"


def find_cluster_processes(cluster_name: str) -> dict[int, bool]:
    """Give the processes of a cluster: number → whether it is its own master.

    Masters are the postmaster, and a pg_ctl that is about to start one, whose caller may have been killed.
    """
    title = f"postgres: {cluster_name}: "
    found = {}
    for pid, command in commands():
        if _is_called(STARTERS, command, cluster_name):
            found[pid] = True
        elif command.startswith(title):
            found[pid] = False
    return found


def stop(cluster_name: str, seconds: float) -> bool:
    """Stop all processes of a cluster, harder after each ``seconds``; true once none is left."""
    for step in STEPS:
        deadline = time.monotonic() + seconds
        told: set[int] = set()
        while left := find_cluster_processes(cluster_name):
            for pid, how in _signals(left, step).items():
                if pid not in told:
                    _signal(pid, how)
                    told.add(pid)
            if time.monotonic() > deadline:
                break
            time.sleep(0.005)
        else:
            return True
    return False


def _signals(processes: dict[int, bool], step: signal.Signals) -> dict[int, signal.Signals]:
    """Give whom to signal, and how: the masters, who tell their children, or children that lost theirs.

    What is a fast shutdown to a postmaster ends no more than a query in its children.
    """
    masters = [pid for pid, is_master in processes.items() if is_master]
    if masters and step is not signal.SIGKILL:
        return dict.fromkeys(masters, step)
    return dict.fromkeys(processes, max(step, signal.SIGQUIT))


def _signal(pid: int, how: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, how)


def _is_called(program: re.Pattern[str], command: str, cluster_name: str) -> bool:
    return bool(program.search(command)) and f" cluster_name={cluster_name} " in f"{command} "


def _pid_file(data: Path) -> list[str]:
    with suppress(OSError, UnicodeDecodeError):
        return (data / "postmaster.pid").read_text().splitlines()
    return []


def commands() -> Iterator[tuple[int, str]]:
    """Give all processes: number and title or arguments."""
    if PROC.joinpath("self", "cmdline").exists():
        for entry in PROC.iterdir():
            if entry.name.isdigit():
                yield int(entry.name), _command(int(entry.name))
        return
    for line in _ps("-A").splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), command.strip()


def _command(pid: int) -> str:
    """Give a process's title or arguments; nothing for one that is gone, or ended and not yet collected."""
    if PROC.joinpath("self", "cmdline").exists():
        with suppress(OSError):
            raw = PROC.joinpath(str(pid), "cmdline").read_bytes()
            return raw.replace(b"\0", b" ").decode(errors="replace").strip()
        return ""
    return _ps("-p", str(pid)).strip().partition(" ")[2].strip()


def _ps(*which: str) -> str:
    """Ask ps, where there is no /proc."""
    asked = subprocess.run(
        ["/bin/ps", "-ww", "-o", "pid=,command=", *which],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=20,
    )
    return asked.stdout
