"""While env.py runs, every database connection that it opens leads to the target database.

An ``sa.Engine`` that env.py, a revision or the project's own code connects with gets a view of the session that
migrates. A connection that is opened with a driver directly (psycopg, psycopg 2, asyncpg) becomes a second session in
the target database. So nothing is sent to the address that env.py has in its own configuration.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from wish_rollout.revisions.script_folder.driver_connections import (
    intercept_drivers,
    is_called_internally,
    replaced,
)
from wish_rollout.revisions.sessions.engine_connection import LentConnection, connection_for
from wish_rollout.revisions.statements.driver_guard import refuse_other_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from wish_rollout.revisions.sessions.shared_session import SharedSession

APPLICATION = "wish-rollout env.py"


@contextmanager
def intercept_connections(session: SharedSession) -> Iterator[None]:
    """Let every connection that is opened meanwhile lead to the database of ``session``."""
    refuse = partial(refuse_other_session, session.connection)
    with _intercepted_engines(session), intercept_drivers(address_of(session.connection), refuse):
        yield


@contextmanager
def _intercepted_engines(session: SharedSession) -> Iterator[None]:
    connect, raw_connection = sa.Engine.connect, sa.Engine.raw_connection

    def connect_shared(engine: sa.Engine) -> sa.Connection:
        if engine is session.engine or is_called_internally():
            return connect(engine)
        return connection_for(session, engine)

    def raw_shared(engine: sa.Engine) -> Any:
        if engine is session.engine or is_called_internally():
            return raw_connection(engine)
        return LentConnection(session)

    with replaced(sa.Engine, "connect", connect_shared), replaced(sa.Engine, "raw_connection", raw_shared):
        yield


def address_of(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Return what libpq needs to open another session in the same database as the same role."""
    info = connection.info
    parameters = info.get_parameters()
    if (
        parameters.get("sslcertmode") == "allow"
    ):  # the default, which libpq 16 and later report as if it was set
        del parameters["sslcertmode"]  # another driver's libpq may be older, and not know it
    return {
        **parameters,
        "host": info.host,
        "port": info.port,
        "password": info.password,
        "application_name": APPLICATION,
    }
