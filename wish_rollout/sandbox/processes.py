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
PROGRAM = re.compile(r"(^|/)postgres -D ")
"""How a postmaster's arguments begin; pg_ctl and the shell that start one have the same words, quoted."""
STEPS = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
"""Fast, immediate, and what nothing withstands (manual: "Shutting Down the Server")."""


def postmaster(data: Path, cluster_name: str) -> int | None:
    """Give the number of the running postmaster of a data directory; ``None`` if there is none."""
    lines = _pid_file(data)
    with suppress(IndexError, ValueError):
        pid = abs(int(lines[0]))
        if _is_postmaster(_command(pid), cluster_name):
            return pid
    return None


def is_ready(data: Path) -> bool:
    """Whether the postmaster of a data directory has written that it takes connections."""
    lines = _pid_file(data)
    return len(lines) > 7 and lines[7].strip() == "ready"


def of_cluster(cluster_name: str) -> dict[int, bool]:
    """Give the processes of a cluster: number → whether it is the postmaster."""
    title = f"postgres: {cluster_name}: "
    found = {}
    for pid, command in commands():
        if _is_postmaster(command, cluster_name):
            found[pid] = True
        elif command.startswith(title):
            found[pid] = False
    return found


def stop(cluster_name: str, seconds: float) -> bool:
    """Stop all processes of a cluster, harder after each ``seconds``; true once none is left."""
    for step in STEPS:
        deadline = time.monotonic() + seconds
        left = of_cluster(cluster_name)
        _signal(left, step)
        while left and time.monotonic() < deadline:
            time.sleep(0.005)
            left = of_cluster(cluster_name)
        if not left:
            return True
    return False


def _signal(processes: dict[int, bool], step: signal.Signals) -> None:
    """Signal the postmaster, who tells its children; the children themselves only if they lost theirs."""
    postmasters = [pid for pid, is_postmaster in processes.items() if is_postmaster]
    for pid in postmasters if postmasters and step is not signal.SIGKILL else processes:
        with suppress(ProcessLookupError):
            os.kill(pid, step if postmasters else signal.SIGQUIT if step is signal.SIGINT else step)


def _is_postmaster(command: str, cluster_name: str) -> bool:
    return bool(PROGRAM.search(command)) and f" cluster_name={cluster_name} " in f"{command} "


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
