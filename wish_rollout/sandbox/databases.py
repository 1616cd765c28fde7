"""The databases of the sandbox, and the environment variables with their URLs."""

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
RESERVED_NAMES = {
    DAGSTER_DATABASE: "the name is reserved for Dagster's database",
    "postgres": "the name is reserved by PostgreSQL",
    "template0": "the name is reserved by PostgreSQL",
    "template1": "the name is reserved by PostgreSQL",
}


def create_missing_databases(server: Server, names: Iterable[str]) -> None:
    """Create the missing databases, owned by the role that migrates. The server must be running."""
    server_admin.create_missing_databases(server.url("postgres", ADMIN), names, MIGRATOR)


def environment_variables(server: Server, environment_names: Iterable[str]) -> dict[str, str]:
    """Return ``<ENVIRONMENT>_DATABASE_URL`` for each environment, and ``DAGSTER_POSTGRES_URL``.

    The values are ``postgresql://`` URLs with passwords. The database of an environment has the environment's name.
    Raise SandboxNameTaken if a name is reserved or two names have the same variable, and SandboxNotMade before
    the first :meth:`Server.up`.
    """
    variables = {DAGSTER_VARIABLE: server.url(DAGSTER_DATABASE)}
    for name in environment_names:
        variable = re.sub(r"\W", "_", name).upper() + "_DATABASE_URL"
        if name in RESERVED_NAMES:
            raise SandboxNameTaken(name, RESERVED_NAMES[name])
        if variable in variables:
            raise SandboxNameTaken(name, f"another environment has the variable {variable}")
        variables[variable] = server.url(name)
    return variables


def prepare(server: Server, environment_names: Iterable[str]) -> dict[str, str]:
    """Start the server, create the databases of the environments and of Dagster, and return the variables."""
    names = list(environment_names)
    server.up()
    variables = environment_variables(server, names)
    create_missing_databases(server, [*names, DAGSTER_DATABASE])
    return variables
