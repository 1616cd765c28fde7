"""Refuses what scripts send past SQLAlchemy, where it cannot be compared: by a cursor, by COPY, in another session."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from wish_rollout.revisions.scripts_environment import is_called_by_scripts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from wish_rollout.revisions.statement_guard import StatementGuard

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


@contextmanager
def guarded(connection: psycopg.Connection[Any], guard: StatementGuard | None) -> Iterator[None]:
    """Have a guard for a session meanwhile, so that its cursors ask it."""
    if guard:
        GUARDS[connection] = guard
    try:
        yield
    finally:
        GUARDS.pop(connection, None)


def refuse_past_sqlalchemy(connection: psycopg.Connection[Any], query: Any) -> None:
    """Raise DriverStatementRefused if a script sends a statement that SQLAlchemy does not know.

    ``connection``: of the cursor that executes ``query``. This program's own statements pass.
    """
    guard = GUARDS.get(connection)
    if guard is None or not is_called_by_scripts(sys._getframe(2)):  # noqa: SLF001
        return
    text = query if isinstance(query, str) else _as_text(query, connection)
    if text in DIALECT_QUERIES:
        return
    if guard.sanctioned is not None and text == guard.sanctioned:
        guard.sanctioned = None
        return
    guard.refuse_driver(text)


def refuse_other_session(connection: psycopg.Connection[Any], driver: str) -> None:
    """Raise DriverStatementRefused if scripts open another session, whose statements cannot be compared."""
    if guard := GUARDS.get(connection):
        guard.refuse_driver(f"(a session of its own, opened by {driver})")


def _as_text(query: Any, connection: psycopg.Connection[Any]) -> str:
    if isinstance(query, bytes):
        return query.decode(errors="replace")
    return str(query.as_string(connection)) if hasattr(query, "as_string") else repr(query)
