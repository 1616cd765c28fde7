"""Listening to what SQLAlchemy sends while a revision runs: noting it, limiting it, running it ourselves."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa

from wish_rollout.core.errors.releases import ScriptFailed
from wish_rollout.revisions.internal_statements import AGAIN
from wish_rollout.revisions.run_hooks import NO_HOOKS, Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wish_rollout.revisions.run_hooks import Hooks


@dataclass
class Applied:
    """What one run did: the revisions in order, and every statement as the server got it."""

    revisions: list[str] = field(default_factory=list)
    statements: dict[str, list[str]] = field(default_factory=dict)
    commits: int = 0

    def state(self, environment: str) -> str:
        """Say what a failure has left behind: nothing, unless something was committed before it."""
        if not self.commits:
            return f"Everything was rolled back: {environment} is as it was."
        stays = f"What was committed before it stays in {environment}, since not all of it runs in one transaction"
        return f"{stays}." if " " in environment else f"{stays}: wish-rollout drift {environment}."


@contextmanager
def only_ours(engine: sa.Engine) -> Iterator[None]:
    """Let no other engine execute SQL: an env.py with a URL of its own would act on another database."""
    thread = threading.get_ident()  # another thread writes the progress to Dagster's event log

    def refuse(connection: sa.Connection, *_rest: Any) -> None:
        if connection.engine is not engine and threading.get_ident() == thread:
            reason = (
                "it executes SQL on a connection of its own, and not on the one that it was given; take "
                "context.config.attributes['connection'] where that is set"
            )
            raise ScriptFailed("(env.py)", reason, "That SQL was not run.")

    sa.event.listen(sa.Engine, "before_cursor_execute", refuse)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", refuse)


def listen(
    engine: sa.Engine,
    connection: psycopg.Connection[Any],
    applied: Applied,
    own: Callable[[Any], bool],
    hooks: Hooks = NO_HOOKS,
) -> None:
    """Note, limit and, where there is ``run``, hand over what revisions send; ``own``: what is Alembic's own."""
    listening = _Listening(connection, applied, own)
    if before := hooks.before:
        sa.event.listen(
            engine,
            "before_cursor_execute",
            lambda _conn, _cursor, statement, *_rest: before(statement, connection.autocommit),
        )
    if run := hooks.run:
        execute, many = listening.handing(run, "execute"), listening.handing(run, "executemany")
        sa.event.listen(engine, "do_execute", execute)
        sa.event.listen(engine, "do_executemany", many)
        sa.event.listen(
            engine, "do_execute_no_params", lambda cursor, sql, context: execute(cursor, sql, None, context)
        )
    if revisions_to_revert := hooks.revisions_to_revert:
        sa.event.listen(engine, "rollback", lambda _conn: revisions_to_revert())
    sa.event.listen(engine, "before_cursor_execute", listening.note)
    sa.event.listen(engine, "commit", listening.committed)


class _Listening:
    """What SQLAlchemy calls: Core Events, ConnectionEvents and DialectEvents."""

    def __init__(
        self, connection: psycopg.Connection[Any], applied: Applied, own: Callable[[Any], bool]
    ) -> None:
        self.connection = connection
        self.applied = applied
        self.own = own
        self.client = psycopg.ClientCursor(connection)
        self.outside: dict[str, bool] = {}

    def handing(self, run: Callable[[Sent], None], way: str) -> Callable[..., bool]:
        """Let ``run`` execute a revision's statement; all others SQLAlchemy executes itself."""

        def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
            if not self.applied.revisions or self.own(context):
                return False
            text = ";\n".join(self._texts(statement, parameters))
            call = partial(getattr(cursor, way), statement, parameters)
            revision, outside = self.applied.revisions[-1], self.connection.autocommit
            again = context.execution_options.keys() >= AGAIN.keys()
            run(Sent(revision, statement, text, outside, again, cursor, call))
            return True

        return execute

    def note(
        self, _conn: Any, _cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
    ) -> None:
        """Note a statement, with its parameters filled in, under the revision that runs.

        COMMIT and BEGIN show where a revision leaves its transaction and enters one again, as Alembic's own SQL
        mode writes it for ``autocommit_block()``.
        """
        if not self.applied.revisions or self.own(context):
            return
        revision, outside = self.applied.revisions[-1], self.connection.autocommit
        texts = self.applied.statements.setdefault(revision, [])
        if self.outside.get(revision, False) != outside:
            self.outside[revision] = outside
            texts.append("COMMIT" if outside else "BEGIN")
        given = None if context.no_parameters and not parameters else parameters
        texts += [text.strip() for text in self._texts(statement, given)]

    def committed(self, _conn: sa.Connection) -> None:
        """Count a commit."""
        self.applied.commits += 1

    def _texts(self, statement: str, parameters: Any) -> Iterator[str]:
        """Fill in the parameters: a list has several rows of them."""
        for row in parameters if isinstance(parameters, list) else [parameters]:
            yield self.client.mogrify(statement, row)
