"""An approval is valid for one database cluster, independent of the URL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg

from wish_rollout.postgres.facts.database_state import read_facts
from wish_rollout.sandbox import server_admin
from wish_rollout.sandbox.server import Server
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gate.conftest import Gate


def test_approval_is_refused_on_another_server_with_the_same_names(
    gate: Gate, server18: Server, sandbox_home: Path
) -> None:
    """The ledger of the other server has not recorded it, and only the URL selects the server."""
    request = gate.ask()
    assert gate.approve()[0] == 0
    other, name = Server(server18.bindir, sandbox_home), urlsplit(gate.workspace.urls["prod"]).path[1:]
    other.up()
    with server_admin.connect(other.url("postgres", ADMIN)) as connection:
        server_admin.create_database(connection, name, MIGRATOR)
    gate.workspace.set_url("prod", other.url(name))
    stopped = gate.workspace.cli("apply")
    assert (stopped.code, f"not for 'prod' (database {name} of cluster " in stopped.err) == (3, True), stopped
    assert (len(gate.requests()), request.subject.database.startswith(f"{name} of cluster ")) == (2, True)
    gate.workspace.set_url("prod", gate.workspace.database_urls["prod"])
    assert gate.workspace.cli("apply").code == 0


def test_server_without_a_system_identifier_is_identified_by_the_database_name(
    server: Server, database: str
) -> None:
    name = urlsplit(database).path[1:]
    with psycopg.connect(server.url(name, ADMIN), autocommit=True) as connection:
        connection.execute("revoke execute on function pg_control_system() from public")
        facts = read_facts(connection, "public.alembic_version")
    assert facts.database_identity == f"{name} of cluster {facts.cluster}"
    with psycopg.connect(database) as connection:
        assert read_facts(connection, "public.alembic_version").database_identity == name
        assert connection.execute("select 1").fetchone() == (1,)
