"""The sandbox's databases, and the environment variables that point at them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.sandbox import server_admin
from wish_rollout.sandbox.errors import SandboxNameTaken
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wish_rollout.sandbox.server import Server

DAGSTER_DATABASE = "dagster"
DAGSTER_VARIABLE = "DAGSTER_POSTGRES_URL"
TAKEN = {
    DAGSTER_DATABASE: "Dagster's own records are there",
    "postgres": "it is the server's own",
    "template0": "it is the server's own",
    "template1": "it is the server's own",
}


def create_missing_databases(server: Server, names: Iterable[str]) -> None:
    """Create the databases that are missing, owned by the role that migrates. The server must be up."""
    server_admin.create_missing_databases(server.url("postgres", ADMIN), names, MIGRATOR)


def environment_variables(server: Server, environment_names: Iterable[str]) -> dict[str, str]:
    """Give ``<ENVIRONMENT>_DATABASE_URL`` for each environment, and ``DAGSTER_POSTGRES_URL``.

    All are plain ``postgresql://`` addresses with passwords in them. An environment's database has its name.
    Raises :class:`SandboxNameTaken` for a name that another database of the server has, and
    :class:`SandboxNotMade` before the first ``up``.
    """
    variables = {DAGSTER_VARIABLE: server.url(DAGSTER_DATABASE)}
    for name in environment_names:
        variable = re.sub(r"\W", "_", name).upper() + "_DATABASE_URL"
        if name in TAKEN:
            raise SandboxNameTaken(name, TAKEN[name])
        if variable in variables:
            raise SandboxNameTaken(name, f"another one has the variable {variable} already")
        variables[variable] = server.url(name)
    return variables


def prepare(server: Server, environment_names: Iterable[str]) -> dict[str, str]:
    """Start the server, create each environment's database and Dagster's, and give the variables."""
    names = list(environment_names)
    server.up()
    variables = environment_variables(server, names)
    create_missing_databases(server, [*names, DAGSTER_DATABASE])
    return variables
