"""Other processes that use the sandbox, for tests of killed and concurrent processes."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wish_rollout.sandbox.server import Server

PRELUDE = """
import sys
from pathlib import Path
from wish_rollout.sandbox.databases import create_missing_databases
from wish_rollout.sandbox.scratch_databases import scratch_database, scratch_server
from wish_rollout.sandbox.server import Server
server = Server(Path(sys.argv[1]), Path(sys.argv[2]))
def say(text):
    print(text, flush=True)
"""


def start(server: Server, code: str) -> subprocess.Popen[str]:
    """Run code in another process, in which ``server`` and ``say`` are defined."""
    command = [sys.executable, "-c", PRELUDE + code, str(server.bindir), str(server.home)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


def line(process: subprocess.Popen[str]) -> str:
    """Wait for the next line of its output."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    """Kill it with SIGKILL."""
    process.kill()
    process.communicate()


@contextmanager
def busy(url: str) -> Iterator[None]:
    """Run a long query on the server while the block runs."""
    with closing(psycopg.connect(url, autocommit=True)) as session:
        session.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000000000)")
        yield


def until(happened: Callable[[], object], seconds: float = 120) -> None:
    """Poll until ``happened`` returns a true value; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
