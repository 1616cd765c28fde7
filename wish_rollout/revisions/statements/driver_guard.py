"""Refuses what scripts send past SQLAlchemy, where it cannot be compared: by a cursor, by COPY, in another session."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import psycopg

from wish_rollout.revisions.script_folder.calling_frames import is_called_by_scripts, is_module_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wish_rollout.revisions.statements.statement_guard import StatementGuard

DIALECT = "sqlalchemy.dialects.postgresql.psycopg"
"""It ends the transaction in which it has read the isolation level, if there was none before."""
GUARDS: WeakKeyDictionary[psycopg.Connection[Any], StatementGuard] = WeakKeyDictionary()
"""The guard of each session on which scripts run."""
DIALECT_QUERIES = frozenset(
    {
        "select current_schema()",
        "select pg_catalog.version()",
        "show default_transaction_isolation",
        "show standard_conforming_strings",
        "show transaction isolation level",
    }
)
"""What SQLAlchemy's dialect asks the server by itself; it changes nothing."""
FETCHES = frozenset({"_fetch_gen", "_scroll_gen", "_close_gen"})
"""psycopg's generators that only read from a cursor that has been opened on the server."""


@contextmanager
def guarded(connection: psycopg.Connection[Any], guard: StatementGuard | None) -> Iterator[None]:
    """Have a guard for a session meanwhile, so that its cursors ask it."""
    if guard is None:
        yield
        return
    GUARDS[connection] = guard
    connection.wait = partial(_wait, connection)  # type: ignore[method-assign]
    try:
        yield
    finally:
        GUARDS.pop(connection, None)
        del connection.wait


def _wait(connection: psycopg.Connection[Any], generator: Any, *arguments: Any, **options: Any) -> Any:
    """Do what ``Connection.wait()`` does; raise DriverStatementRefused for what another cursor, or a script, sends.

    All that psycopg sends passes here. ``ScriptCursor`` has compared its own statements.
    """
    guard, what = GUARDS.get(connection), getattr(generator, "__name__", "")
    if guard and what not in FETCHES and is_called_by_scripts(sys._getframe(1), otherwise=True):  # noqa: SLF001
        caller = sys._getframe(2)  # noqa: SLF001
        if not (
            what == "_rollback_gen"
            and caller.f_globals.get("__name__") == DIALECT
            and is_module_of(caller, DIALECT)
        ):
            guard.refuse_undeclared(f"(sent by psycopg's {what.strip('_')})")
    return type(connection).wait(connection, generator, *arguments, **options)


def refuse_past_sqlalchemy(
    cursor: psycopg.Cursor[Any], query: Any, parameters: Iterable[Any] = (None,)
) -> None:
    """Raise DriverStatementRefused if a script sends a statement that SQLAlchemy does not know.

    ``cursor``: executes ``query``, once for each of ``parameters``. This program's own statements pass.
    """
    guard = GUARDS.get(cursor.connection)
    if guard is None or not is_called_by_scripts(sys._getframe(2), otherwise=True):  # noqa: SLF001
        return
    client = psycopg.ClientCursor(cursor.connection)
    texts = tuple(client.mogrify(query, row) for row in parameters)
    if DIALECT_QUERIES.issuperset(texts):
        return
    if guard.sanctioned == texts:
        guard.sanctioned = None
        return
    guard.refuse_driver(";\n".join(texts))


def refuse_other_session(connection: psycopg.Connection[Any], driver: str) -> None:
    """Raise DriverStatementRefused if scripts open another session, whose statements cannot be compared."""
    if guard := GUARDS.get(connection):
        guard.refuse_driver(f"(a session of its own, opened by {driver})")
