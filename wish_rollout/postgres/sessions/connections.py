"""Opens sessions with timeouts and an application name. The errors never contain a password."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from wish_rollout.core.errors.configuration import DatabaseUrlMalformed
from wish_rollout.core.errors.databases import DatabaseMissing, DatabaseUnreachable, LoginRefused
from wish_rollout.core.text.redaction import redact, register_password
from wish_rollout.postgres.sessions.bounded_connection import BoundedConnection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wish_rollout.core.errors.base import RolloutError

DRIVER = re.compile(r"^(postgres|postgresql)\+\w+://")
CLIENT_ENCODING = {"client_encoding": "UTF8"}
"""With the client encoding SQL_ASCII, psycopg would return bytes for text (manual, 24.3)."""
NO_SLOT = re.compile(r"too many (clients already|connections for)|remaining connection slots are reserved")
"""What a server says when max_connections, or the limit of a role or a database, is reached (SQLSTATE 53300)."""
CANCEL_SECONDS = 5.0
URL = re.compile(r"^postgres(ql)?://")


def parse_url(url: str, source: str) -> dict[str, Any]:
    """Return the libpq parameters of a connection URL (manual, 34.1.1 Connection Strings).

    ``source``: where the URL comes from, for errors. The driver name of an SQLAlchemy URL
    (``postgresql+psycopg://``) is removed. Raises DatabaseUrlMalformed, whose text does not contain the URL.
    """
    libpq_url = DRIVER.sub("postgresql://", url.strip())
    if not URL.match(libpq_url):
        raise DatabaseUrlMalformed(source, "it does not begin with postgresql://")
    try:
        parameters = conninfo_to_dict(libpq_url)
    except psycopg.ProgrammingError as error:
        # libpq quotes the part that it could not parse, which may be the password
        raise DatabaseUrlMalformed(source, re.sub(r'"[^"]*"', '"…"', str(error)).strip()) from None
    if "@" in str(parameters.get("host", "")):
        raise DatabaseUrlMalformed(source, "an '@' in the user or the password is not written as %40")
    if not all(re.fullmatch(r"\d*", port) for port in str(parameters.get("port", "")).split(",")):
        raise DatabaseUrlMalformed(source, "its port is not a number")
    register_password(str(parameters.get("password") or ""))
    return parameters


def connect(
    url: str,
    source: str,
    *,
    application_name: str = "wish-rollout",
    timeout: int = 10,
    password: str | None = None,
) -> BoundedConnection:
    """Open a session in autocommit mode.

    ``source``: where the URL comes from, for errors. ``timeout``: seconds for each host. ``password``: used instead
    of the password in the URL. Raises DatabaseUrlMalformed, DatabaseMissing, LoginRefused, DatabaseUnreachable.
    """
    options = {"connect_timeout": timeout, "tcp_user_timeout": 30_000, "keepalives_idle": 30}
    parameters = {
        **options,
        **parse_url(url, source),
        "application_name": application_name[:63],
        **CLIENT_ENCODING,
    }
    if password is not None:
        parameters["password"] = password
    try:
        return BoundedConnection.connect(make_conninfo("", **parameters), autocommit=True)
    except psycopg.OperationalError as error:
        raise as_rollout_error(error, parameters, source) from None
    except psycopg.Error as error:  # for example a parameter with a value that is not allowed
        raise DatabaseUrlMalformed(source, redact(str(error)).strip()) from None


def is_refused_for_limit(reason: str) -> bool:
    """Return whether a connection failed because no more sessions are allowed. ``reason``: of DatabaseUnreachable."""
    return NO_SLOT.search(reason) is not None


def execute_statements(url: str, source: str, statements: Iterable[str]) -> None:
    """Execute statements over a session of its own, each committed by itself; none opens no session.

    ``source``: the name of the database in errors. Raises what ``connect`` raises, and psycopg's errors.
    """
    waiting = list(statements)
    if not waiting:
        return
    with connect(url, source) as connection:
        for statement in waiting:
            connection.execute(statement.encode())


def reset_session(connection: psycopg.Connection[Any]) -> None:
    """Give a session the settings of a new one, without temporary objects, prepared statements and advisory locks.

    It keeps the caches of the catalog, which a new session has to fill: DISCARD ALL (manual, DISCARD). The session must
    be in autocommit mode.
    """
    connection.execute("discard all")


def cancel(connection: psycopg.Connection[Any]) -> None:
    """Cancel the statement that a session executes.

    Closing the connection is not sufficient: the server notices it, and releases locks, when the statement ends.
    """
    if not connection.closed and connection.info.transaction_status == TransactionStatus.ACTIVE:
        with suppress(psycopg.Error):
            connection.cancel_safe(timeout=CANCEL_SECONDS)


def as_rollout_error(
    error: psycopg.OperationalError, parameters: dict[str, Any], source: str
) -> RolloutError:
    """Return the error of this package for a failed connection.

    libpq reports no SQLSTATE for most of these errors, so the message text is matched.
    """
    server = f"{parameters.get('host', 'the local socket')}:{parameters.get('port', 5432)}"
    text = str(error).strip()
    database = str(parameters.get("dbname") or parameters.get("user") or "")
    if error.sqlstate == "3D000" or re.search(r'database "[^"]*" does not exist', text):
        return DatabaseMissing(source, database, server)
    if (error.sqlstate or "").startswith("28") or re.search(
        r"\w+ authentication failed|no pg_hba\.conf entry|role \"[^\"]*\" (does not exist|is not permitted)|no password",
        text,
    ):
        return LoginRefused(source, server, str(parameters.get("user", "")))
    reason = text.splitlines()[0].strip() if text else type(error).__name__
    return DatabaseUnreachable(source, server, reason.removeprefix("connection failed: ").rstrip("."))
