"""One psycopg session that every connection of env.py and of the revisions uses.

SQLAlchemy connections are cheap views of the one session here. The session has one transaction, so the connections
share it: before the revisions run, a commit or rollback of env.py ends a savepoint and not the transaction. While the
revisions run, only the connection that was given to ``context.configure()`` commits or rolls back.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from psycopg.pq import TransactionStatus
from sqlalchemy.util import await_only
from sqlalchemy.util.concurrency import in_greenlet

from wish_rollout.core.errors.releases import ScriptFailed
from wish_rollout.core.release.statement_repeatability import StatementKind, classify_text
from wish_rollout.revisions.sessions.session_cursor import ScriptCursor, ServerScriptCursor
from wish_rollout.revisions.sessions.shared_connection import Phase, SharedConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import psycopg

RESET = b"reset session authorization; reset role; reset all"
SET_CONFIG = sa.text("SELECT pg_catalog.set_config(:name, :value, false)")
SAVEPOINT = "wish_rollout_env"
IN_TRANSACTION = (TransactionStatus.INTRANS, TransactionStatus.INERROR)
NOTHING_KEPT = "The transaction was rolled back."


class SharedSession:
    """A psycopg session, and the SQLAlchemy engine on it. Create it with ``share_session``.

    ``migrating``: the connection that was given to ``context.configure()``. ``before_commit`` is called before each
    real commit; it is set by the caller. ``env_statements``: what env.py itself has sent, and no revision.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.phase = Phase.BEFORE
        self.failed = False
        self.migrating: SharedConnection | None = None
        self.env_statements: dict[Phase, list[str]] = {Phase.BEFORE: [], Phase.AFTER: []}
        self.before_commit: Callable[[], None] = lambda: None
        self._has_savepoint = False
        self.engine = self._create_engine()

    def _create_engine(self) -> sa.Engine:
        """Create the engine.

        A text parameter is sent without a cast, as psycopg 2 sends it, so that it may be a label of an enum.
        """
        engine = sa.create_engine(
            "postgresql+psycopg://", creator=lambda: self.connection, poolclass=sa.pool.StaticPool
        )
        dialect: Any = engine.dialect
        dialect.colspecs = {
            kind: impl for kind, impl in dialect.colspecs.items() if kind is not sa.types.String
        }
        self._set_isolation_level = dialect.set_isolation_level
        dialect.do_commit, dialect.do_rollback = self._commit, self._rollback
        dialect.set_isolation_level = self._change_isolation_level
        engine._connection_cls = partial(SharedConnection, self)  # type: ignore[assignment]  # noqa: SLF001
        sa.event.listen(engine, "before_cursor_execute", self._before_execute)
        return engine

    def connect(self) -> SharedConnection:
        """Return a new connection on the session."""
        connection = self.engine.connect()
        assert isinstance(connection, SharedConnection)
        return connection

    def commit_migration(self) -> None:
        """Commit the transaction of the revisions, if it is still open."""
        if self.migrating and not self.migrating.closed and self.migrating.in_transaction():
            self.migrating.commit()

    def is_deferred(self, connection: Any) -> bool:
        """Whether a commit or rollback of this connection does not end the session's transaction."""
        if self.phase is Phase.BEFORE:
            return True
        migrating = self.migrating
        if migrating is None or migrating.closed or not migrating.in_transaction():
            return False
        return connection is not migrating and connection is not migrating.connection

    def _before_execute(self, connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        """Note what writes. An asynchronous connection requires that something is awaited in each call."""
        if in_greenlet():
            await_only(asyncio.sleep(0))
        if connection is not self.migrating and not connection.has_written:
            connection.has_written = classify_text(statement) in (
                StatementKind.RUN_ONCE,
                StatementKind.OUTSIDE_TRANSACTION,
            )

    def _commit(self, connection: Any) -> None:
        if self.phase is Phase.BEFORE:
            self._keep()
        elif not self.is_deferred(connection):
            connection.commit()

    def _rollback(self, connection: Any) -> None:
        if self.connection.closed:
            return
        if self.phase is Phase.BEFORE and self._has_savepoint:
            if self.connection.info.transaction_status in IN_TRANSACTION:
                self.connection.execute(f"rollback to savepoint {SAVEPOINT}".encode())
        elif not self.is_deferred(connection) or self.phase is Phase.BEFORE:
            connection.rollback()

    def _keep(self) -> None:
        """Keep what was done so far, whatever env.py rolls back later."""
        if self.connection.info.transaction_status != TransactionStatus.INTRANS:
            return
        if self._has_savepoint:
            self.connection.execute(f"release savepoint {SAVEPOINT}".encode())
        self.connection.execute(f"savepoint {SAVEPOINT}".encode())
        self._has_savepoint = True

    def keep_first_work(self) -> None:
        """Keep what was executed on the session before env.py starts."""
        self._keep()

    def apply_settings(self, connection: sa.Connection, settings: Mapping[str, str]) -> None:
        """Set parameters of the server until the session ends, whatever env.py rolls back later."""
        was_idle = self.connection.info.transaction_status == TransactionStatus.IDLE
        for name, value in settings.items():
            connection.execute(SET_CONFIG, {"name": name, "value": value})
        connection.commit()
        if was_idle:
            self.connection.commit()
            self._has_savepoint = False

    def _change_isolation_level(self, connection: Any, level: str) -> None:
        """Set the isolation level; PostgreSQL allows that between transactions only, so commit before."""
        if self.connection.info.transaction_status in IN_TRANSACTION:
            if self.is_deferred(connection) and self.phase is not Phase.BEFORE:
                raise ScriptFailed(
                    "(a second connection)",
                    f"it changes the isolation level to {level} on a second connection, while the revision's own"
                    " transaction is open; all connections share one session here. Use"
                    " op.get_context().autocommit_block() instead",
                    NOTHING_KEPT,
                )
            self.before_commit()
            self.connection.commit()
            self._has_savepoint = False
        self._set_isolation_level(connection, level)


@contextmanager
def share_session(
    connection: psycopg.Connection[Any], search_path: str = "public"
) -> Iterator[SharedSession]:
    """Yield a psycopg session in autocommit as a ``SharedSession``; the caller closes the session.

    Unqualified names mean the same on every server: the ``search_path`` of the role and of the database do not
    count. SQLAlchemy leaves BEGIN to the driver, so autocommit is off meanwhile. At the end, what is uncommitted is
    rolled back, and the session's settings and role are reset.
    """
    connection.execute("select set_config('search_path', %s, false)", [search_path])
    connection.autocommit = False
    before = connection.cursor_factory, connection.server_cursor_factory
    connection.cursor_factory, connection.server_cursor_factory = ScriptCursor, ServerScriptCursor
    try:
        yield SharedSession(connection)
    finally:
        connection.cursor_factory, connection.server_cursor_factory = before
        if not connection.closed:
            connection.rollback()
            connection.autocommit = True
            connection.execute(RESET)
