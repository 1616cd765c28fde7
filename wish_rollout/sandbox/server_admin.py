"""The few statements that a server needs before anything of ours can be in it: roles and databases.

SQL is the room of ``postgres/``; these are here because that room is for targets, which exist already, and a
sandbox has to be made before it is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql

if TYPE_CHECKING:
    from collections.abc import Iterable

CONNECT_SECONDS = 20


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Connect in autocommit: CREATE DATABASE refuses to run in a transaction block."""
    return psycopg.connect(
        url, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="wish-rollout sandbox"
    )


def create_missing_role(url: str, role: str, password: str) -> None:
    """Create a plain role that may log in and create databases, unless it is there.

    The server is given the password hashed, so no log can hold it.
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
            return  # another process was faster


def create_missing_databases(url: str, names: Iterable[str], owner: str) -> None:
    """Create databases, each unless it is there, from ``template0``, which nobody has put anything into."""
    with connect(url) as connection:
        there = {row[0] for row in connection.execute("SELECT datname FROM pg_catalog.pg_database")}
        for name in (name for name in names if name not in there):
            create_database(connection, name, owner)


def create_database(connection: psycopg.Connection[tuple[object, ...]], name: str, owner: str | None) -> None:
    """Create one database; nothing happens if another process was faster."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
    if owner is not None:
        statement += sql.SQL(" OWNER {}").format(sql.Identifier(owner))
    try:
        connection.execute(statement)
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        return


def drop_database(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """Drop a database with all sessions in it; nothing happens if it is gone."""
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
