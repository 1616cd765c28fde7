"""A fleet for a test: a workspace whose last environment has a list of targets, with a database for each."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.fix_project import REPOSITORY, Workspace, read_revision, workspace_on
from tests.fix_servers import running_server
from tests.servers import EMBEDDED, clone
from wish_rollout.rollout.servers.fleet_targets import read_fleet
from wish_rollout.sandbox import server_admin
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wish_rollout.config import Environment
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget
    from wish_rollout.sandbox.server import Server

ENVIRONMENT = """
[[environment]]
name = "tenants"
targets = { file = "tenants.txt" }
parallel = 1
"""
FIRST = "0006"
HEAD = "0007"


def await_end(connection: psycopg.Connection[Any], process: int) -> None:
    """Wait until a session has ended. At its end, it adds what it has written to the server's statistics."""
    end = time.monotonic() + 60
    while connection.execute("select 1 from pg_stat_activity where pid = %s", [process]).fetchone():
        assert time.monotonic() < end, "the session does not end"
        time.sleep(0.005)


@dataclass
class Fleet:
    """A workspace with the fleet ``tenants``. ``databases``: the name of each target's database.

    ``template``: the name of the database that is copied. ``prefix``: of the names of the databases.
    """

    workspace: Workspace
    template: str
    prefix: str
    databases: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The folder of the project."""
        return self.workspace.root

    @property
    def environment(self) -> Environment:
        """The fleet's environment."""
        return self.workspace.project.config.find_environment("tenants")

    @property
    def targets(self) -> tuple[FleetTarget, ...]:
        """The targets of the list."""
        return read_fleet(self.workspace.project.config, self.environment)

    def configure(self, text: str) -> None:
        """Append a text to the fleet's environment in rollout.toml."""
        path = self.root / "rollout.toml"
        path.write_text(path.read_text() + text)

    def add(self, *names: str, **attributes: str) -> None:
        """Create databases at revision 0006, and write their targets to the list."""
        words = "".join(f" {key}={value}" for key, value in attributes.items())
        with server_admin.connect(self.workspace.server.url("postgres", ADMIN)) as connection:
            for name in names:
                self.databases[name] = f"{self.prefix}_{name}"
                clone(connection, self.databases[name], self.template)
        with (self.root / "tenants.txt").open("a") as file:
            file.writelines(f"{name}{words}\n" for name in names)

    def url(self, name: str) -> str:
        """Return the URL of a target's database."""
        return self.workspace.server.url(self.databases[name])

    def sql(self, name: str, statement: str) -> list[tuple[Any, ...]]:
        """Execute a statement in the database of a target; return its rows, after the server has counted what it wrote."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            rows, process = cursor.fetchall() if cursor.description else [], connection.info.backend_pid
        with server_admin.connect(self.workspace.server.url("postgres", ADMIN)) as connection:
            await_end(connection, process)
        return rows

    def revisions(self) -> dict[str, str | None]:
        """Return the revision of each target."""
        found = {}
        for name in self.databases:
            with psycopg.connect(self.url(name), autocommit=True) as connection:
                found[name] = read_revision(connection)
        return found

    def acts(self, name: str) -> list[tuple[str, str]]:
        """Return the acts in a target's ledger: the act and the environment."""
        query = "select act, detail->>'environment' from wish_rollout.ledger order by seq"
        exists = self.sql(name, "select to_regclass('wish_rollout.ledger') is not null")[0][0]
        return self.sql(name, query) if exists else []

    def drop(self) -> None:
        """Drop all databases."""
        with server_admin.connect(self.workspace.server.url("postgres", ADMIN)) as connection:
            for name in self.databases.values():
                server_admin.drop_database(connection, name)


def make_template(server: Server) -> str:
    """Create a database at the first revision; return its name."""
    name = f"fleet_{os.getpid()}_{secrets.token_hex(3)}"
    with server_admin.connect(server.url("postgres", ADMIN)) as connection:
        clone(connection, name)
    migrate_to_first(server.url(name))
    return name


def migrate_to_first(url: str) -> None:
    """Migrate a database to the first revision with Alembic."""
    command = [sys.executable, "-m", "alembic", "upgrade", FIRST]
    environment = {**os.environ, "DATABASE_URL": url}
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, capture_output=True)


@pytest.fixture(scope="session")
def fleet_template(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a database at the first revision, of which those of the targets are copies."""
    server = running_server(request.config, EMBEDDED)
    name = make_template(server)
    yield name
    with server_admin.connect(server.url("postgres", ADMIN)) as connection:
        server_admin.drop_database(connection, name)


@pytest.fixture
def fleet(
    server18: Server,
    fleet_template: str,
    tmp_path: Path,
    dagster_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Fleet]:
    """A workspace with the environment local and an empty fleet."""
    with workspace_on(server18, tmp_path, dagster_url, monkeypatch, ("local",)) as workspace:
        found = Fleet(workspace, fleet_template, f"f{secrets.token_hex(4)}")
        text = (tmp_path / "rollout.toml").read_text()
        local = text[: text.index('[[environment]]\nname = "staging"')]
        (tmp_path / "rollout.toml").write_text(local + ENVIRONMENT)
        parts = urlsplit(server18.url("postgres"))
        monkeypatch.setenv(
            "TENANTS_DATABASE_URL", urlunsplit(parts._replace(path=f"/{found.prefix}_{{name}}"))
        )
        try:
            yield found
        finally:
            found.drop()
