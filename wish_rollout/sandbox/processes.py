"""The processes of one cluster: found by their titles, and stopped.

The title of each server process contains the ``cluster_name``; for the postmaster it is among the arguments
(PostgreSQL manual, "Error Reporting and Logging", "Process Title"). A process ID from postmaster.pid is used only
together with the title, because the operating system reuses process IDs.
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
"""The first arguments of a postmaster, of pg_ctl start, and of the shell that pg_ctl runs."""
STEPS = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
"""Fast shutdown, immediate shutdown, and kill (PostgreSQL manual, "Shutting Down the Server")."""


def find_postmaster(data: Path, cluster_name: str) -> int | None:
    """Return the process ID of the running postmaster of a data directory, or None."""
    lines = _pid_file(data)
    with suppress(IndexError, ValueError):
        pid = abs(int(lines[0]))
        if _has_title(POSTMASTER, _command(pid), cluster_name):
            return pid
    return None


def is_ready(data: Path) -> bool:
    """Return whether postmaster.pid has the status ``ready``: the server accepts connections."""
    lines = _pid_file(data)
    return len(lines) > 7 and lines[7].strip() == "ready"


def find_cluster_processes(cluster_name: str) -> dict[int, bool]:
    """Return the processes of a cluster: process ID → whether it is a parent process.

    Parent processes are the postmaster, and a pg_ctl that is starting one: its caller may have been killed.
    """
    title = f"postgres: {cluster_name}: "
    processes = {}
    for pid, command in list_processes():
        if _has_title(STARTERS, command, cluster_name):
            processes[pid] = True
        elif command.startswith(title):
            processes[pid] = False
    return processes


def stop_processes(cluster_name: str, seconds: float) -> bool:
    """Stop all processes of a cluster; return False if some cannot be stopped.

    ``seconds``: how long each of fast shutdown, immediate shutdown and kill may take.
    """
    for step in STEPS:
        deadline = time.monotonic() + seconds
        signalled: set[int] = set()
        while left := find_cluster_processes(cluster_name):
            for pid, sent in _choose_signals(left, step).items():
                if pid not in signalled:
                    _signal(pid, sent)
                    signalled.add(pid)
            if time.monotonic() > deadline:
                break
            time.sleep(0.005)
        else:
            return True
    return False


def _choose_signals(processes: dict[int, bool], step: signal.Signals) -> dict[int, signal.Signals]:
    """Return the signal for each process: the parent processes alone, or the children if no parent is left.

    A postmaster stops its children. SIGINT, which is a fast shutdown for a postmaster, only cancels the query of
    a child, so children get SIGQUIT at least.
    """
    parents = [pid for pid, is_parent in processes.items() if is_parent]
    if parents and step is not signal.SIGKILL:
        return dict.fromkeys(parents, step)
    return dict.fromkeys(processes, max(step, signal.SIGQUIT))


def _signal(pid: int, sent: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, sent)


def _has_title(program: re.Pattern[str], command: str, cluster_name: str) -> bool:
    return bool(program.search(command)) and f" cluster_name={cluster_name} " in f"{command} "


def _pid_file(data: Path) -> list[str]:
    with suppress(OSError, UnicodeDecodeError):
        return (data / "postmaster.pid").read_text().splitlines()
    return []


def list_processes() -> Iterator[tuple[int, str]]:
    """Yield all processes of the machine: process ID, and title or arguments."""
    if PROC.joinpath("self", "cmdline").exists():
        for entry in PROC.iterdir():
            if entry.name.isdigit():
                yield int(entry.name), _command(int(entry.name))
        return
    for line in _ps("-A").splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), command.strip()


def _command(pid: int) -> str:
    """Return the title or the arguments of a process; empty for one that has ended."""
    if PROC.joinpath("self", "cmdline").exists():
        with suppress(OSError):
            raw = PROC.joinpath(str(pid), "cmdline").read_bytes()
            return raw.replace(b"\0", b" ").decode(errors="replace").strip()
        return ""
    return _ps("-p", str(pid)).strip().partition(" ")[2].strip()


def _ps(*options: str) -> str:
    """Return the output of ps, for systems without /proc."""
    result = subprocess.run(
        ["/bin/ps", "-ww", "-o", "pid=,command=", *options],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=20,
    )
    return result.stdout
