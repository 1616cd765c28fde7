"""Connections of the shared session for an engine that env.py, a revision or the project's own code has created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from wish_rollout.revisions.sessions.engine_settings import engine_settings
from wish_rollout.revisions.sessions.shared_connection import Phase

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.revisions.sessions.shared_session import SharedSession

COPIED = ("server_version_info", "default_schema_name", "default_isolation_level", "_backslash_escapes")
"""What SQLAlchemy's dialect reads from the server when an engine connects for the first time."""


CHANGING = ("before_execute", "before_cursor_execute")


LISTENED = (*CHANGING, "after_execute", "after_cursor_execute", "begin", "commit", "rollback", "savepoint")
"""SQLAlchemy's ConnectionEvents that listeners of an engine get for the connection that replaces theirs."""


def connection_for(session: SharedSession, engine: sa.Engine) -> sa.Connection:
    """Return a connection on the shared session that has the options, settings and listeners of another engine.

    An engine of another database system, as many applications have it without their settings (SQLite), gets a
    connection without them: they are for that system.
    """
    shared = session.connect()
    if engine.dialect.name != session.engine.dialect.name:
        return shared
    shared.has_numbered_parameters = engine.dialect.paramstyle.startswith("numeric")
    connection = _with_options(shared, engine, session.engine.dialect)
    if session.phase is Phase.BEFORE and (settings := engine_settings(engine)):
        session.apply_settings(connection, settings)
    lent = LentConnection(session)
    record = connection.connection._connection_record  # noqa: SLF001
    for listener in engine.pool.dispatch.connect:
        if not str(getattr(listener, "__module__", "")).startswith("sqlalchemy."):
            listener(lent, record)
    for name in LISTENED:
        for listener in getattr(engine.dispatch, name).listeners:
            changes = {"retval": True} if name in CHANGING else {}
            sa.event.listen(connection, name, listener, **changes)
    return connection


def _with_options(connection: sa.Connection, engine: sa.Engine, ours: sa.Dialect) -> sa.Connection:
    """Let the engine's dialect know the server, and give the connection the engine's options."""
    theirs = engine.dialect
    for name in COPIED:
        if name in ours.__dict__:
            setattr(theirs, name, ours.__dict__[name])
    options = dict(engine.get_execution_options())
    if level := getattr(theirs, "_on_connect_isolation_level", None):
        options.setdefault("isolation_level", level)
    return connection.execution_options(**options) if options else connection


class LentConnection:
    """A DBAPI connection for code that opens one itself: it cannot end the transaction of the revisions."""

    def __init__(self, session: SharedSession) -> None:
        self._session = session
        self._cursors: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session.connection, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @property
    def driver_connection(self) -> psycopg.Connection[Any]:
        """The psycopg connection."""
        return self._session.connection

    dbapi_connection = driver_connection

    @property
    def autocommit(self) -> bool:
        """Whether each statement is committed by itself."""
        return self._session.connection.autocommit

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        """Ignore the request: the session has one transaction."""

    def cursor(self, *arguments: Any, **options: Any) -> Any:
        """Open a cursor."""
        return self._session.connection.cursor(*arguments, **options)

    def commit(self) -> None:
        """Keep what was executed; it is committed with the revisions."""
        if self._session.phase is Phase.BEFORE:
            self._session.keep_first_work()

    def rollback(self) -> None:
        """Do nothing: the statements of others would be rolled back as well."""

    def close(self) -> None:
        """Do nothing: the session is used further on."""
