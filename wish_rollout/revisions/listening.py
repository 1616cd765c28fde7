"""Listening to what SQLAlchemy sends while a revision runs: noting it, limiting it, running it ourselves."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa

from wish_rollout.core.release_errors import ScriptFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.revisions.driver import Hooks

INTROSPECTION = re.compile(r"^\s*(SELECT\b.*\bpg_catalog\.|select pg_catalog\.)", re.DOTALL)


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
        return (
            f"What was committed before it stays in {environment}, since not all of this release runs in one "
            f"transaction: wish-rollout drift {environment}."
        )


@contextmanager
def only_ours(engine: sa.Engine) -> Iterator[None]:
    """Let no other engine execute SQL: an env.py with a URL of its own would act on another database."""

    def refuse(connection: sa.Connection, *_rest: Any) -> None:
        if connection.engine is not engine:
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


def guard(engine: sa.Engine, connection: psycopg.Connection[Any], hooks: Hooks) -> None:
    """Call ``before`` with each statement that SQLAlchemy sends."""
    before = hooks.before
    if before is None:
        return

    def call(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        before(statement, connection.autocommit)

    sa.event.listen(engine, "before_cursor_execute", call)


def steer(
    engine: sa.Engine,
    connection: psycopg.Connection[Any],
    applied: Applied,
    version_table: str,
    hooks: Hooks,
) -> None:
    """Let ``run`` execute the statements of revisions; all others SQLAlchemy executes itself."""
    run = hooks.run
    if run is None:
        return
    client = psycopg.ClientCursor(connection)

    def execute(cursor: Any, statement: str, parameters: Any, *_rest: Any) -> bool:
        if not applied.revisions or INTROSPECTION.match(statement) or version_table in statement:
            return False
        text = client.mogrify(statement, parameters) if parameters else statement
        run(
            applied.revisions[-1],
            text,
            connection.autocommit,
            lambda: cursor.execute(statement, parameters),
        )
        return True

    sa.event.listen(engine, "do_execute", execute)


def listen(
    engine: sa.Engine, connection: psycopg.Connection[Any], applied: Applied, version_table: str
) -> None:
    """Note each statement, with its parameters filled in, under the revision that runs.

    COMMIT and BEGIN show where a revision leaves its transaction and enters one again, as Alembic's own SQL
    mode writes it for ``autocommit_block()``.
    """
    cursor = psycopg.ClientCursor(connection)
    outside: dict[str, bool] = {}

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _execution: Any, many: bool) -> None:
        if not applied.revisions or INTROSPECTION.match(statement) or version_table in statement:
            return
        texts = applied.statements.setdefault(applied.revisions[-1], [])
        if outside.get(applied.revisions[-1], False) != connection.autocommit:
            outside[applied.revisions[-1]] = connection.autocommit
            texts.append("COMMIT" if connection.autocommit else "BEGIN")
        for row in parameters if many else [parameters]:
            texts.append(cursor.mogrify(statement, row or ()).strip())

    def committed(_conn: sa.Connection) -> None:
        applied.commits += 1

    sa.event.listen(engine, "before_cursor_execute", note)
    sa.event.listen(engine, "commit", committed)
