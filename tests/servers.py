"""The servers of a test run: which versions there are, where they live, and what is left of them."""

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
ROOM = 2 << 30
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
    """Give the programs of a major version; ``None`` when this machine has none."""
    if named := os.environ.get(f"WISH_PG{version}_BINDIR"):
        return Path(named)
    if version == EMBEDDED:
        return find_embedded_bindir()
    debian = Path(f"/usr/lib/postgresql/{version}/bin")
    return debian if (debian / "postgres").is_file() else None


def versions() -> list[int]:
    """Give the versions that tests run on: those that must be there, and what else is."""
    return [version for version in POSSIBLE if version in REQUIRED or bindir_of(version)]


def matches(version: int, comparison: str) -> bool:
    """Whether a version meets a comparison such as ``>=16``."""
    parts = re.fullmatch(r"\s*(>=|<=|==|>|<)\s*(\d+)\s*", comparison)
    if parts is None:
        raise pytest.UsageError(f"no comparison: pg({comparison!r})")
    return COMPARISONS[parts[1]](version, int(parts[2]))


def shared_server(root: Path, version: int) -> Server:
    """Give the test run's server of a version, up or not."""
    return Server(bindir_of(version) or root, root / f"pg{version}")


def parent() -> Path:
    """Give where servers are fast: in memory, if there is plenty (a container may have 64 MB of it)."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        return MEMORY
    return server_location.COMMON


def sweep() -> None:
    """Remove what test runs left that were killed: nobody holds their lock any more."""
    for root in parent().glob(f"{PREFIX}*"):
        with suppress(SandboxFailed, OSError), locked(root / OWNED, seconds=0):
            for server in leftovers(root):
                server.remove()
            shutil.rmtree(root, ignore_errors=True)


def leftovers(*roots: Path) -> list[Server]:
    """Give the servers with a home under one of these directories that still run."""
    found = set()
    for _, command in processes.commands():
        if data := re.search(rf" {STATE_SETTING}=(.*?)(?: -c |$)", command):
            found.add(_home(Path(data[1])))
    return [Server(home, home) for home in found if any(home.is_relative_to(root) for root in roots)]


def _home(state: Path) -> Path:
    note = state / server_location.HOME_NOTE
    return Path(note.read_text()) if note.exists() else state


def clone(connection: psycopg.Connection[Any], name: str, template: str = "template0") -> None:
    """Make a database of the role that migrates, in the way that is quicker where nothing is synced to disk."""
    strategy = " STRATEGY file_copy" if connection.info.server_version >= 150000 else ""
    names = (sql.Identifier(each) for each in (name, template, MIGRATOR))
    connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}" + strategy).format(*names))


@contextmanager
def databases(server: Server) -> Iterator[NewDatabase]:
    """Give a function that makes a fresh database; all of them are dropped afterwards."""
    names: list[str] = []

    def new() -> str:
        name = f"test_{os.getpid()}_{secrets.token_hex(4)}"
        with server_admin.connect(server.url("postgres", ADMIN)) as connection:
            clone(connection, name)
        names.append(name)
        return server.url(name)

    yield new
    if names and server.running:
        with server_admin.connect(server.url("postgres", ADMIN)) as connection:
            for name in names:
                server_admin.drop_database(connection, name)
