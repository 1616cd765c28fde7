"""Listening to what SQLAlchemy sends while a revision runs: noting it, limiting it, running it ourselves."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa

from wish_rollout.core.errors.releases import ScriptFailed
from wish_rollout.core.text.secret_masking import mask_statement
from wish_rollout.core.text.sql_tokens import tokenize_statements
from wish_rollout.revisions.sessions.shared_connection import Phase
from wish_rollout.revisions.statements.internal_statements import AGAIN, LOOKS, Owner, is_version_change
from wish_rollout.revisions.statements.rehearsed_statements import AFTER, BEFORE
from wish_rollout.revisions.statements.run_hooks import NO_HOOKS, Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wish_rollout.revisions.sessions.shared_session import SharedSession
    from wish_rollout.revisions.statements.applied_revisions import Applied
    from wish_rollout.revisions.statements.run_hooks import Hooks


LOG = logging.getLogger("alembic.runtime.migration")


def listen(session: SharedSession, applied: Applied, owner: Owner, hooks: Hooks = NO_HOOKS) -> None:
    """Compare, record, limit and, if there is ``hooks.run``, hand over what env.py and the revisions send."""
    engine, connection = session.engine, session.connection
    recording = _Recording(session, applied, owner, hooks)
    if hooks.guard:
        sa.event.listen(engine, "before_cursor_execute", recording.compare)
        sa.event.listen(engine, "after_cursor_execute", recording.end_statement)
    if before := hooks.before:
        sa.event.listen(
            engine,
            "before_cursor_execute",
            lambda _conn, _cursor, statement, _parameters, _context, _many: before(
                statement, connection.autocommit, recording.is_in_revision
            ),
        )
    sa.event.listen(engine, "do_execute", recording.leave_out)
    sa.event.listen(
        engine,
        "do_execute_no_params",
        lambda cursor, sql, context: recording.leave_out(cursor, sql, None, context),
    )
    if run := hooks.run:
        execute, many = recording.hand_over(run, "execute"), recording.hand_over(run, "executemany")
        sa.event.listen(engine, "do_execute", execute)
        sa.event.listen(engine, "do_executemany", many)
        sa.event.listen(
            engine, "do_execute_no_params", lambda cursor, sql, context: execute(cursor, sql, None, context)
        )
    if revisions_to_revert := hooks.revisions_to_revert:
        sa.event.listen(
            engine, "rollback", lambda conn: None if session.is_deferred(conn) else revisions_to_revert()
        )
    sa.event.listen(engine, "before_cursor_execute", recording.note)
    sa.event.listen(engine, "commit", recording.committed)


class _Recording:
    """What SQLAlchemy calls: Core Events, ConnectionEvents and DialectEvents."""

    def __init__(self, session: SharedSession, applied: Applied, owner: Owner, hooks: Hooks) -> None:
        self.session = session
        self.connection = session.connection
        self.applied = applied
        self.owner = owner
        self.guard = hooks.guard
        self.hands_over = hooks.run is not None
        self.client = psycopg.ClientCursor(session.connection)
        self.outside: dict[str, bool] = {}
        self.compared_outside: dict[str, bool] = {}

    def is_revisions(self, execution: Any, statement: str) -> bool:
        """Whether a revision executes this, and neither env.py nor Alembic."""
        return self._is_running and not self.owner.is_own(execution, statement)

    @property
    def is_in_revision(self) -> bool:
        """Whether a revision runs, and ``hooks.run`` executes its statements."""
        return self.hands_over and self._is_running

    @property
    def _is_running(self) -> bool:
        return self.session.phase is Phase.RUNNING and bool(self.applied.revisions)

    @property
    def _place(self) -> str:
        """The revision that runs, or the part of env.py."""
        if self._is_running:
            return self.applied.revisions[-1]
        return AFTER if self.session.phase is Phase.AFTER else BEFORE

    def compare(
        self, _conn: Any, _cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
    ) -> None:
        """Let the guard compare a statement, and sanction it for the cursor that executes it."""
        assert self.guard
        place, is_own = self._place, self.owner.is_own(context, statement)
        if place != BEFORE:
            self.guard.end(BEFORE)
        if is_version_change(context, statement, self.owner.version_table):
            self.guard.end(place)
        sent = self._texts(statement, _given(parameters, context))
        looks = context.execution_options.keys() >= LOOKS.keys()
        if not is_own or (looks and not self.guard.allows_look(place, statement, ";\n".join(sent))):
            again = context.execution_options.keys() >= AGAIN.keys()
            for text in self._sent_texts(self.compared_outside, place, sent):
                self.guard.check(place, text, again=again)
        self.guard.refuse_if_violated()
        self.guard.sanctioned = sent

    def end_statement(self, *_arguments: Any) -> None:
        """Sanction nothing until SQLAlchemy executes the next statement."""
        assert self.guard
        self.guard.sanctioned = None

    def leave_out(self, _cursor: Any, statement: str, _parameters: Any, _execution: Any) -> bool:
        """Do not execute env.py's own CREATE DATABASE: the environment's database exists."""
        if self.session.phase is Phase.RUNNING:
            return False
        database = [words[0] for words in tokenize_statements(statement) if words[1:2] == ("database",)]
        if "drop" in database:
            raise ScriptFailed("(env.py)", "it executes DROP DATABASE", "That statement was not executed.")
        if "create" in database:
            LOG.info("not executed, since the environment's database exists: env.py's CREATE DATABASE")
        return "create" in database

    def hand_over(self, run: Callable[[Sent], None], method: str) -> Callable[..., bool]:
        """Let ``run`` execute a revision's statement; SQLAlchemy executes all others itself."""

        def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
            if not self.is_revisions(context, statement):
                return False
            texts = self._texts(statement, parameters)
            text = ";\n".join(texts)
            if self.guard and self.guard.sanctioned != texts:
                self.guard.refuse_driver(text)
            call = partial(getattr(cursor, method), statement, parameters)
            revision, outside = self.applied.revisions[-1], self.connection.autocommit
            again = context.execution_options.keys() >= AGAIN.keys()
            run(Sent(revision, statement, text, outside, again, cursor, call))
            return True

        return execute

    def note(
        self, _conn: Any, _cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
    ) -> None:
        """Note a statement, with its parameters filled in and secrets masked, under what sends it."""
        if self.owner.is_own(context, statement):
            return
        place = self._place
        texts = self.applied.statements.setdefault(place, []) if self._is_running else None
        if texts is None:
            texts = self.session.env_statements[Phase.AFTER if place == AFTER else Phase.BEFORE]
        sent = self._texts(statement, _given(parameters, context))
        texts += map(mask_statement, self._sent_texts(self.outside, place, sent))

    def _sent_texts(self, known: dict[str, bool], place: str, texts: Iterable[str]) -> Iterator[str]:
        """Yield a statement's text once a row of parameters, and what comes before it.

        COMMIT and BEGIN show where a revision leaves its transaction and enters one again, as Alembic's own SQL
        mode writes it for ``autocommit_block()``. ``known``: by place, whether the last statement was outside.
        """
        outside = self.connection.autocommit
        if known.get(place, False) != outside:
            known[place] = outside
            yield "COMMIT" if outside else "BEGIN"
        yield from (text.strip() for text in texts)

    def committed(self, conn: sa.Connection) -> None:
        """Count a commit, and call what is to be called before it."""
        if not self.session.is_deferred(conn):
            self.session.before_commit()
            self.applied.commits += 1

    def _texts(self, statement: str, parameters: Any) -> tuple[str, ...]:
        """Fill in the parameters: a list has several rows of them."""
        rows = parameters if isinstance(parameters, list) else [parameters]
        return tuple(self.client.mogrify(statement, row) for row in rows)


def _given(parameters: Any, context: Any) -> Any:
    """Return the parameters that the cursor gets."""
    return None if context.no_parameters and not parameters else parameters
