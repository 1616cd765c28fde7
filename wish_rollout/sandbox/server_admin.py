"""SQL that creates and drops the roles and the databases of a sandbox server.

All other SQL is in ``postgres``, which works on existing databases of environments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql

if TYPE_CHECKING:
    from collections.abc import Iterable

CONNECT_SECONDS = 20


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Return a connection in autocommit mode: CREATE DATABASE cannot run in a transaction block."""
    return psycopg.connect(
        url, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="wish-rollout sandbox"
    )


def create_missing_role(url: str, role: str, password: str) -> None:
    """Create a role with LOGIN and CREATEDB, unless it exists.

    The password is sent as a SCRAM-SHA-256 verifier, so it appears in no server log.
    """
    with connect(url) as connection:
        if connection.execute("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", [role]).fetchone():
            return
        hashed = connection.pgconn.encrypt_password(
            password.encode(), role.encode(), b"scram-sha-256"
        ).decode()
        statement = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(sql.Identifier(role), hashed)
        try:
            connection.execute(statement)
        except (errors.DuplicateObject, errors.UniqueViolation):
            return  # another process has created it


def create_missing_databases(url: str, names: Iterable[str], owner: str) -> None:
    """Create the databases that do not exist, from the unmodified ``template0``."""
    with connect(url) as connection:
        existing = {row[0] for row in connection.execute("SELECT datname FROM pg_catalog.pg_database")}
        for name in (name for name in names if name not in existing):
            create_database(connection, name, owner)


def create_database(connection: psycopg.Connection[tuple[object, ...]], name: str, owner: str | None) -> None:
    """Create a database; do nothing if another process has created it."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
    if owner is not None:
        statement += sql.SQL(" OWNER {}").format(sql.Identifier(owner))
    try:
        connection.execute(statement)
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        return


def commit_without_waiting(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """Let the sessions of a database not wait until their commits are on disk: after a crash, the last ones are lost."""
    statement = sql.SQL("ALTER DATABASE {} SET synchronous_commit TO off")
    connection.execute(statement.format(sql.Identifier(name)))


def drop_database(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """Drop a database and terminate its sessions; do nothing if it does not exist."""
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
