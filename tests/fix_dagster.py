"""Databases with Dagster's own tables: made once a test run, and cloned for each test."""

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
    """Clones of one database that holds Dagster's tables, empty."""

    server: Server

    @contextmanager
    def one(self) -> Iterator[str]:
        """Have a clone for a while; give its address as Dagster's storage takes it."""
        name = f"dagster_{os.getpid()}_{secrets.token_hex(4)}"
        with server_admin.connect(self.server.url("postgres", ADMIN)) as connection:
            clone(connection, name, TEMPLATE)
        yield as_dagster_writes_it(self.server.url(name))
        with server_admin.connect(self.server.url("postgres", ADMIN)) as connection:
            server_admin.drop_database(connection, name)


def as_dagster_writes_it(url: str) -> str:
    """Name psycopg2 in an address."""
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def make_template(server: Server, home: Path) -> None:
    """Make the database that is cloned, unless it is there."""
    with server_admin.connect(server.url("postgres", ADMIN)) as connection:
        query = "SELECT datistemplate FROM pg_database WHERE datname = %s"
        if connection.execute(query, [TEMPLATE]).fetchone() == (True,):
            return
        server_admin.drop_database(connection, TEMPLATE)
        server_admin.create_database(connection, TEMPLATE, MIGRATOR)
        create_tables(as_dagster_writes_it(server.url(TEMPLATE)), home)
        connection.execute(f"ALTER DATABASE {TEMPLATE} IS_TEMPLATE true ALLOW_CONNECTIONS false")


def create_tables(url: str, home: Path) -> None:
    """Let Dagster create its tables, as a first run does."""
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
    """Whoever needs one first makes the template; the others find it there."""
    server = running_server(request.config, EMBEDDED)
    root = request.config.stash[ROOT]
    with locked(root / "dagster_template.lock"):
        make_template(server, root / "dagster_home")
    return DagsterDatabases(server)
