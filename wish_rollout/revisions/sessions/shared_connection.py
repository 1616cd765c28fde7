"""A SQLAlchemy connection on the shared session."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, Self

import sqlalchemy as sa

from wish_rollout.revisions.sessions.numbered_parameters import with_named_parameters

if TYPE_CHECKING:
    from collections.abc import Callable


class Phase(Enum):
    """The part of env.py that is being executed: before, during or after ``context.run_migrations()``."""

    BEFORE = "before"
    RUNNING = "running"
    AFTER = "after"


class MigratingSession(Protocol):
    """What a connection has to know of the session that it shares.

    ``migrating``: the connection that was given to ``context.configure()``. ``failed``: whether env.py has raised.
    """

    phase: Phase
    failed: bool
    migrating: SharedConnection | None

    def commit_migration(self) -> None:
        """Commit the transaction of the revisions, if it is still open."""


class PreparedTransaction:
    """A transaction that is committed in one phase, for code that expects two."""

    def __init__(self, transaction: sa.Transaction) -> None:
        self._transaction = transaction

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transaction, name)

    def prepare(self) -> None:
        """Do nothing: ``commit()`` does it all."""


class _Connected:
    """What ``connect()`` of a shared connection returns, for ``with`` and for ``async with``."""

    def __init__(self, connection: SharedConnection) -> None:
        self._connection = connection

    def __enter__(self) -> SharedConnection:
        return self._connection

    def __exit__(self, *_error: object) -> None:
        pass

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        pass

    async def run_sync(self, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a function with the connection."""
        return call(self._connection, *arguments, **options)


class SharedConnection(sa.Connection):
    """A SQLAlchemy connection on the shared session."""

    def __init__(self, session: MigratingSession, engine: sa.Engine, **options: Any) -> None:
        super().__init__(engine, **options)
        self.session = session
        self.autobegun: sa.Transaction | None = None
        self.has_written = False
        self.has_numbered_parameters = False

    def _autobegin(self) -> None:
        super()._autobegin()
        self.autobegun = self._transaction

    @property
    def is_in_autobegun_transaction(self) -> bool:
        """Whether the transaction was begun by the first statement, and not by ``begin()``."""
        return self.autobegun is not None and self.autobegun is self.get_transaction()

    def begin_twophase(self, xid: Any = None) -> Any:  # noqa: ARG002
        """Begin an ordinary transaction: there is one database, so nothing has to be prepared."""
        return PreparedTransaction(self.begin())

    def connect(self) -> Any:
        """Return the connection as a context manager, for env.py files that expect an engine here."""
        return _Connected(self)

    def exec_driver_sql(self, statement: str, parameters: Any = None, execution_options: Any = None) -> Any:
        """Execute SQL as the driver of the engine takes it: asyncpg has numbered parameters, and ``%`` as it is."""
        if self.has_numbered_parameters:
            if parameters:
                statement, parameters = with_named_parameters(statement, parameters)
            else:
                execution_options = {**(execution_options or {}), "no_parameters": True}
        return super().exec_driver_sql(statement, parameters, execution_options)

    def close(self) -> None:
        """Close the connection. What the revisions have done is committed, if env.py has left that to us."""
        if self is self.session.migrating and self.session.phase is Phase.AFTER and not self.session.failed:
            self.session.commit_migration()
        super().close()
