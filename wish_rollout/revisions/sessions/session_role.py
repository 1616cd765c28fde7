"""The role of the session: scripts may change it by SET ROLE, and our own statements need the login role."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from psycopg.pq import TransactionStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from wish_rollout.revisions.statements.run_hooks import Hooks, Sent

CHANGES_ROLE = re.compile(r"\brole\b|\bsession\s+authorization\b", re.IGNORECASE)
"""Occurs in every statement that changes the role: SET ROLE, SET SESSION AUTHORIZATION, set_config('role', …)."""
NOT_CHANGED = "none"


class SessionRole:
    """Which role a session has, as far as scripts may have changed it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._may_differ = False

    def note(self, statement: str) -> None:
        """Note a statement that a script executes."""
        self._may_differ = self._may_differ or bool(CHANGES_ROLE.search(statement))

    def note_execution(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        """Note a statement, as a listener of SQLAlchemy's ``before_cursor_execute``."""
        self.note(statement)

    @contextmanager
    def as_login_role(self) -> Iterator[None]:
        """Have the login role meanwhile. A transaction that has failed is left as it is."""
        role = self._change_to(NOT_CHANGED)
        try:
            yield
        finally:
            if role != NOT_CHANGED:
                self._change_to(role)

    def run_as_login_role(self, run: Callable[[Sent], None], sent: Sent) -> None:
        """Call ``run`` with the login role; the statement itself is executed with the script's role."""
        role = self._change_to(NOT_CHANGED)

        def execute() -> Any:
            nonlocal role
            if role != NOT_CHANGED:
                self._change_to(role)
            try:
                return sent.execute()
            finally:
                role = self._change_to(NOT_CHANGED)

        try:
            run(replace(sent, execute=execute))
        finally:
            if role != NOT_CHANGED:
                self._change_to(role)

    def _change_to(self, role: str) -> str:
        """Change the role; return the one before."""
        if not self._may_differ or self.connection.closed:
            return NOT_CHANGED
        if self.connection.info.transaction_status == TransactionStatus.INERROR:
            return NOT_CHANGED
        row = self.connection.execute("select current_setting('role')").fetchone()
        before = str(row[0]) if row else NOT_CHANGED
        if before != role:
            self.connection.execute("select set_config('role', %s, false)", [role])
        return before


def with_login_role(hooks: Hooks, role: SessionRole) -> Hooks:
    """Return hooks that are called with the login role, whatever role the scripts have set."""

    def wrapped(hook: Callable[[], None] | None) -> Callable[[], None] | None:
        if hook is None:
            return None

        def call() -> None:
            with role.as_login_role():
                hook()

        return call

    def run(sent: Sent) -> None:
        assert hooks.run
        role.run_as_login_role(hooks.run, sent)

    names = ("first", "early", "last", "each", "committing")
    changed: dict[str, Any] = {name: wrapped(getattr(hooks, name)) for name in names}
    return replace(hooks, **changed, run=run if hooks.run else None)
