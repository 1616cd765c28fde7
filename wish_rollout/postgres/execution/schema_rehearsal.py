"""Running the SQL of a remedy on a scratch database, in a transaction that is rolled back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wish_rollout.core.schema.snapshot import Snapshot


@dataclass(frozen=True)
class RehearsalRun:
    """What a scratch database had after the live schema was built, and after the script was run.

    ``build_error`` and ``error``: the server's message, with the statement; empty if all statements ran.
    """

    built: Snapshot | None = None
    after: Snapshot | None = None
    build_error: str = ""
    error: str = ""


def run_rehearsal(
    connection: psycopg.Connection, roles: Iterable[str], build: Sequence[str], script: Sequence[str]
) -> RehearsalRun:
    """Build a schema on an empty database, run a script on it, and roll everything back, the roles too.

    ``roles``: names of roles that the statements mention. Raises psycopg's errors if the session is lost.
    """
    with connection.transaction(force_rollback=True):
        _create_missing_roles(connection, roles)
        if error := _run(connection, build):
            return RehearsalRun(build_error=error)
        built = read_snapshot(connection)
        if error := _run(connection, script):
            return RehearsalRun(built, error=error)
        return RehearsalRun(built, read_snapshot(connection))


def _create_missing_roles(connection: psycopg.Connection, roles: Iterable[str]) -> None:
    present = {name for (name,) in connection.execute("SELECT rolname FROM pg_catalog.pg_roles")}
    for role in sorted(set(roles) - present):
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))


def _run(connection: psycopg.Connection, statements: Sequence[str]) -> str:
    """Run statements up to the first that fails; return its error.

    No savepoints: PostgreSQL 18 refuses ALTER DOMAIN … ADD CONSTRAINT in a subtransaction after a DROP CONSTRAINT.
    """
    for text in statements:
        try:
            connection.execute(text.encode())
        except psycopg.Error as error:
            if connection.closed:
                raise
            message = str(error).strip().splitlines()
            return f"{message[0] if message else type(error).__name__} ({text.splitlines()[0][:120]})"
    return ""
