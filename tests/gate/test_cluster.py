"""An approval is for one cluster, whatever the URL says where that is."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg

from wish_rollout.postgres.catalog.database_state import read_facts
from wish_rollout.sandbox import server_admin
from wish_rollout.sandbox.server import Server
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gate.conftest import Gate


def test_an_approval_is_no_good_on_another_server_under_the_same_names(
    gate: Gate, server18: Server, sandbox_home: Path
) -> None:
    """The ledger there has not seen it, and the URL is all that says which server prod is."""
    request = gate.ask()
    assert gate.approve()[0] == 0
    other, name = Server(server18.bindir, sandbox_home), urlsplit(gate.road.urls["prod"]).path[1:]
    other.up()
    with server_admin.connect(other.url("postgres", ADMIN)) as connection:
        server_admin.create_database(connection, name, MIGRATOR)
    gate.road.point("prod", other.url(name))
    stopped = gate.road.cli("apply")
    assert (stopped.code, f"not for 'prod' (database {name} of cluster " in stopped.err) == (3, True), stopped
    assert (len(gate.requests()), request.subject.database.startswith(f"{name} of cluster ")) == (2, True)
    gate.road.point("prod", gate.road.made["prod"])
    assert gate.road.cli("apply").code == 0


def test_a_server_that_does_not_tell_its_cluster_is_told_by_the_databases_name(
    server: Server, database: str
) -> None:
    name = urlsplit(database).path[1:]
    with psycopg.connect(server.url(name, ADMIN), autocommit=True) as connection:
        connection.execute("revoke execute on function pg_control_system() from public")
        told = read_facts(connection, "public.alembic_version")
    assert told.place == f"{name} of cluster {told.cluster}"
    with psycopg.connect(database) as connection:
        assert read_facts(connection, "public.alembic_version").place == name
        assert connection.execute("select 1").fetchone() == (1,)
