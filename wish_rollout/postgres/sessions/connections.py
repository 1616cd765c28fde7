"""Opening a session: bounded, named, and with errors that never hold a password."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from wish_rollout.core.errors.configuration import DatabaseUrlMalformed
from wish_rollout.core.errors.databases import DatabaseMissing, LoginRefused, DatabaseUnreachable
from wish_rollout.core.text.redaction import keep_secret, redact

if TYPE_CHECKING:
    from wish_rollout.core.errors.base import RolloutError

DRIVER = re.compile(r"^(postgres|postgresql)\+\w+://")
TEXT = {"client_encoding": "UTF8"}
"""Whatever the server's encoding is: from SQL_ASCII, psycopg would give bytes for text (manual, 24.3)."""
CANCEL_SECONDS = 5.0
URL = re.compile(r"^postgres(ql)?://")


def parse_url(url: str, source: str) -> dict[str, Any]:
    """Read a URL as libpq does (manual, 34.1.1 Connection Strings); raise MalformedUrl without its text.

    A driver's name as SQLAlchemy writes it (``postgresql+psycopg://``) is allowed and dropped.
    """
    plain = DRIVER.sub("postgresql://", url.strip())
    if not URL.match(plain):
        raise DatabaseUrlMalformed(source, "it does not begin with postgresql://")
    try:
        parameters = conninfo_to_dict(plain)
    except psycopg.ProgrammingError as error:
        # libpq quotes the part that it could not read, and that may be the password
        raise DatabaseUrlMalformed(source, re.sub(r'"[^"]*"', '"…"', str(error)).strip()) from None
    if "@" in str(parameters.get("host", "")):
        raise DatabaseUrlMalformed(source, "an '@' in the user or the password is not written as %40")
    if not all(re.fullmatch(r"\d*", port) for port in str(parameters.get("port", "")).split(",")):
        raise DatabaseUrlMalformed(source, "its port is no number")
    keep_secret(str(parameters.get("password") or ""))
    return parameters


def connect(
    url: str,
    source: str,
    *,
    application_name: str = "wish-rollout",
    timeout: int = 10,
    password: str | None = None,
) -> psycopg.Connection[Any]:
    """Open a session on the URL.

    ``source`` says where the URL is from, for errors. ``timeout``: seconds a host. ``password`` goes before
    the URL's. Raises MalformedUrl, DatabaseMissing, LoginRefused, Unreachable.
    """
    options = {"connect_timeout": timeout, "tcp_user_timeout": 30_000, "keepalives_idle": 30}
    parameters = {**options, **parse_url(url, source), "application_name": application_name[:63], **TEXT}
    if password is not None:
        parameters["password"] = password
    try:
        return psycopg.connect(make_conninfo("", **parameters), autocommit=True)
    except psycopg.OperationalError as error:
        raise explained(error, parameters, source) from None
    except psycopg.Error as error:  # an option of the URL that has no such value, say
        raise DatabaseUrlMalformed(source, redact(str(error)).strip()) from None


def cancel(connection: psycopg.Connection[Any]) -> None:
    """End what a session's server is doing: closing alone is not noticed before the statement ends, nor its locks go."""
    if not connection.closed and connection.info.transaction_status == TransactionStatus.ACTIVE:
        with suppress(psycopg.Error):
            connection.cancel_safe(timeout=CANCEL_SECONDS)


def explained(error: psycopg.OperationalError, parameters: dict[str, Any], source: str) -> RolloutError:
    """Turn libpq's connection error into one of ours. libpq gives no SQLSTATE there, so its text decides."""
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
