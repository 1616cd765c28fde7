"""A primary and a hot standby, created with pg_basebackup.

The pair of the fixture has the encoding SQL_ASCII, which initdb chooses without a locale, so that it is tested too.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers import EMBEDDED, bindir_of
from wish_rollout.sandbox import processes, server_location
from wish_rollout.sandbox.binaries import runnable_bindir
from wish_rollout.sandbox.errors import SandboxFailed
from wish_rollout.sandbox.ports import choose_free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=20"
SECONDS = 120.0


@dataclass(frozen=True)
class Node:
    """A server for one test. ``name``: its ``cluster_name`` and the name of its data directory."""

    folder: Path
    name: str
    port: int
    version: int = EMBEDDED

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def program(self, program: str, *arguments: str) -> None:
        """Run a PostgreSQL program in the folder. Raise SandboxFailed."""
        bindir = bindir_of(self.version)
        assert bindir
        result = server_location.run_program(
            runnable_bindir(bindir), program, *arguments, seconds=SECONDS, directory=self.folder
        )
        if result.returncode:
            raise SandboxFailed(f"running {program}", f"it exited with {result.returncode}", result.stdout)

    def make(self, encoding: str = "UTF8") -> None:
        """Create the cluster, with trust authentication."""
        options = ("-U", "postgres", "-A", "trust", "--locale=C", "-E", encoding)
        self.program("initdb", "--no-sync", "-D", self.name, *options)

    def start(self, settings: str = "") -> None:
        """Start the server and wait until it accepts connections."""
        options = f"-p {self.port} -c cluster_name={self.name} {SETTINGS} {settings}"
        self.program("pg_ctl", "start", "-w", "-s", "-D", self.name, "-l", f"{self.name}.log", "-o", options)


@contextmanager
def new_nodes(version: int, *roles: str) -> Iterator[list[Node]]:
    """Yield nodes in one folder, whose servers are stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="wish-replica-", dir=server_location.COMMON))
    server_location.give_to_server_user(folder)
    names = [f"wish_{role}_{secrets.token_hex(4)}" for role in roles]
    try:
        yield [Node(folder, name, choose_free_port(), version) for name in names]
    finally:
        for name in names:
            processes.stop_processes(name, SECONDS)
        shutil.rmtree(folder)


@contextmanager
def running_pair(encoding: str, settings: str = "", version: int = EMBEDDED) -> Iterator[tuple[Node, Node]]:
    """Yield two running servers; the second is a read-only standby of the first. ``settings``: of the first."""
    with new_nodes(version, "primary", "standby") as (primary, standby):
        primary.make(encoding)
        primary.start(settings)
        source = primary.url("postgres")
        primary.program("pg_basebackup", "-d", source, "-D", standby.name, "-R", "-c", "fast", "--no-sync")
        standby.start()
        yield primary, standby


@pytest.fixture
def small_server() -> Iterator[Node]:
    """A server with 20 connections, of which three are reserved for superusers."""
    with new_nodes(EMBEDDED, "small") as (node,):
        node.make()
        node.start()
        yield node


@pytest.fixture
def primary_and_standby() -> Iterator[tuple[Node, Node]]:
    """Two running servers; the second is a read-only standby of the first."""
    with running_pair("SQL_ASCII") as pair:
        yield pair
