"""Databases with Dagster's tables: created once in a test run, and copied for each test."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.fix_servers import ROOT, running_server
from tests.servers import EMBEDDED, clone
from wish_rollout.sandbox import server_admin
from wish_rollout.sandbox.file_locks import locked
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wish_rollout.sandbox.server import Server

TEMPLATE = "dagster_template"


@dataclass(frozen=True)
class DagsterDatabases:
    """Copies of a database that contains Dagster's empty tables."""

    server: Server

    @contextmanager
    def copy(self) -> Iterator[str]:
        """Create a copy, yield its URL with Dagster's driver, and drop it afterwards."""
        name = f"dagster_{os.getpid()}_{secrets.token_hex(4)}"
        with server_admin.connect(self.server.url("postgres", ADMIN)) as connection:
            clone(connection, name, TEMPLATE)
        yield with_dagster_driver(self.server.url(name))
        with server_admin.connect(self.server.url("postgres", ADMIN)) as connection:
            server_admin.drop_database(connection, name)


def with_dagster_driver(url: str) -> str:
    """Return a URL that selects psycopg2."""
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def make_template(server: Server, home: Path) -> None:
    """Create the template database, unless it exists."""
    with server_admin.connect(server.url("postgres", ADMIN)) as connection:
        query = "SELECT datistemplate FROM pg_database WHERE datname = %s"
        if connection.execute(query, [TEMPLATE]).fetchone() == (True,):
            return
        server_admin.drop_database(connection, TEMPLATE)
        server_admin.create_database(connection, TEMPLATE, MIGRATOR)
        create_tables(with_dagster_driver(server.url(TEMPLATE)), home)
        connection.execute(f"ALTER DATABASE {TEMPLATE} IS_TEMPLATE true ALLOW_CONNECTIONS false")


def create_tables(url: str, home: Path) -> None:
    """Make Dagster create its tables, as in its first run."""
    import dagster as dg

    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(
        f"storage: {{postgres: {{postgres_url: '{url}'}}}}\ntelemetry: {{enabled: false}}\n"
    )
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.get_runs(limit=1)
        instance.all_asset_keys()
        instance.all_instigator_state()


@pytest.fixture(scope="session")
def dagster_databases(request: pytest.FixtureRequest) -> DagsterDatabases:
    """The copies. The first test process that needs one creates the template."""
    server = running_server(request.config, EMBEDDED)
    root = request.config.stash[ROOT]
    with locked(root / "dagster_template.lock"):
        make_template(server, root / "dagster_home")
    return DagsterDatabases(server)
