"""A real hot standby: a primary of its own, copied by pg_basebackup, for the few tests that need one.

Both are in SQL_ASCII, as clusters are that were made where no locale was set, so that is looked at as well.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers import EMBEDDED, bindir_of
from wish_rollout.sandbox import processes, server_location
from wish_rollout.sandbox.binaries import runnable_bindir
from wish_rollout.sandbox.cluster import _free_port
from wish_rollout.sandbox.errors import SandboxFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=20"
SECONDS = 60.0


@dataclass(frozen=True)
class Node:
    """A server of a test's own. ``name`` is what its processes are called."""

    folder: Path
    name: str
    port: int
    version: int = EMBEDDED

    def url(self, database: str) -> str:
        """Give the address of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def program(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs in the folder; raise SandboxFailed."""
        bindir = bindir_of(self.version)
        assert bindir
        ended = server_location.run(
            runnable_bindir(bindir), program, *arguments, seconds=SECONDS, directory=self.folder
        )
        if ended.returncode:
            raise SandboxFailed(f"running {program}", f"it gave {ended.returncode}", ended.stdout)

    def make(self, encoding: str = "UTF8") -> None:
        """Make its cluster; whoever reaches it is let in."""
        options = ("-U", "postgres", "-A", "trust", "--locale=C", "-E", encoding)
        self.program("initdb", "--no-sync", "-D", self.name, *options)

    def start(self, settings: str = "") -> None:
        """Start it, and wait until it takes connections."""
        options = f"-p {self.port} -c cluster_name={self.name} {SETTINGS} {settings}"
        self.program("pg_ctl", "start", "-w", "-s", "-D", self.name, "-l", f"{self.name}.log", "-o", options)


@pytest.fixture
def primary_and_standby() -> Iterator[tuple[Node, Node]]:
    """Two servers, the second of which follows the first and can only be read."""
    folder = Path(tempfile.mkdtemp(prefix="wish-replica-", dir=server_location.COMMON))
    server_location.give(folder)
    names = [f"wish_{role}_{secrets.token_hex(4)}" for role in ("primary", "standby")]
    primary, standby = (Node(folder, name, _free_port()) for name in names)
    try:
        primary.make("SQL_ASCII")
        primary.start()
        source = primary.url("postgres")
        primary.program("pg_basebackup", "-d", source, "-D", standby.name, "-R", "-c", "fast", "--no-sync")
        standby.start()
        yield primary, standby
    finally:
        for name in names:
            processes.stop(name, SECONDS)
        shutil.rmtree(folder)
