"""The servers of a test run: the installed versions, the folder of their files, and their removal."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from wish_rollout.sandbox import processes, server_admin, server_location
from wish_rollout.sandbox.binaries import find_embedded_bindir
from wish_rollout.sandbox.errors import SandboxFailed
from wish_rollout.sandbox.file_locks import locked
from wish_rollout.sandbox.server import Server
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR, STATE_SETTING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    NewDatabase = Callable[[], str]

EMBEDDED = 18
REQUIRED = (15, 18)
POSSIBLE = (14, 15, 16, 17, 18)
MEMORY = Path("/dev/shm")
REQUIRED_BYTES = 2 << 30
PREFIX = "wish-tests-"
OWNED = "owned"
COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    ">=": int.__ge__,
    "<=": int.__le__,
    "==": int.__eq__,
    ">": int.__gt__,
    "<": int.__lt__,
}


def bindir_of(version: int) -> Path | None:
    """Return the directory of the programs of a major version, or None if it is not installed."""
    if named := os.environ.get(f"WISH_PG{version}_BINDIR"):
        return Path(named)
    if version == EMBEDDED:
        return find_embedded_bindir()
    debian = Path(f"/usr/lib/postgresql/{version}/bin")
    return debian if (debian / "postgres").is_file() else None


def versions() -> list[int]:
    """Return the versions that tests run on: the required ones, and others that are installed."""
    return [version for version in POSSIBLE if version in REQUIRED or bindir_of(version)]


def matches(version: int, comparison: str) -> bool:
    """Return whether a version satisfies a comparison such as ``>=16``."""
    parts = re.fullmatch(r"\s*(>=|<=|==|>|<)\s*(\d+)\s*", comparison)
    if parts is None:
        raise pytest.UsageError(f"not a comparison: pg({comparison!r})")
    return COMPARISONS[parts[1]](version, int(parts[2]))


def shared_server(root: Path, version: int) -> Server:
    """Return the server of a version, running or not."""
    return Server(bindir_of(version) or root, root / f"pg{version}")


def parent() -> Path:
    """Return the parent folder of the servers: in memory, if /dev/shm is large enough, else /var/tmp."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > REQUIRED_BYTES:
        return MEMORY
    return server_location.COMMON


def sweep() -> None:
    """Remove the servers and files of killed test runs, whose lock no process holds."""
    for root in parent().glob(f"{PREFIX}*"):
        with suppress(SandboxFailed, OSError), locked(root / OWNED, seconds=0):
            for server in running_servers(root):
                server.remove()
            shutil.rmtree(root, ignore_errors=True)


def running_servers(*roots: Path) -> list[Server]:
    """Return the running servers whose home is in one of these directories."""
    homes = set()
    for _, command in processes.list_processes():
        if data := re.search(rf" {STATE_SETTING}=(.*?)(?: -c |$)", command):
            homes.add(_home(Path(data[1])))
    return [Server(home, home) for home in homes if any(home.is_relative_to(root) for root in roots)]


def _home(state: Path) -> Path:
    note = state / server_location.HOME_NOTE
    return Path(note.read_text()) if note.exists() else state


def clone(connection: psycopg.Connection[Any], name: str, template: str = "template0") -> None:
    """Create a database of the role that migrates. FILE_COPY is faster where nothing is synced to disk."""
    strategy = " STRATEGY file_copy" if connection.info.server_version >= 150000 else ""
    names = (sql.Identifier(each) for each in (name, template, MIGRATOR))
    connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}" + strategy).format(*names))


@contextmanager
def databases(server: Server) -> Iterator[NewDatabase]:
    """Yield a function that creates an empty database; drop the databases afterwards."""
    names: list[str] = []

    def new() -> str:
        name = f"test_{os.getpid()}_{secrets.token_hex(4)}"
        with server_admin.connect(server.url("postgres", ADMIN)) as connection:
            clone(connection, name)
        names.append(name)
        return server.url(name)

    yield new
    if names and server.is_running:
        with server_admin.connect(server.url("postgres", ADMIN)) as connection:
            for name in names:
                server_admin.drop_database(connection, name)
