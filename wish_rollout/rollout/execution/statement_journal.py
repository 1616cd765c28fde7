"""Executes each statement of a release once, however often the release is interrupted and run again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from psycopg import errors

from wish_rollout.core.release.measurements import statement_digest
from wish_rollout.core.release.statement_repeatability import (
    DEFINING,
    StatementKind,
    classify_text,
    session_statements,
    temporary_relation,
    written_relation,
)
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.core.text.sql_tokens import NameParts, is_name_of, tokenize_statements
from wish_rollout.postgres.execution.statement_results import StatementResult
from wish_rollout.postgres.records.journal import Journal, StatementKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.revisions.statements.run_hooks import Sent

NOT_IN_TRANSACTION = (errors.ActiveSqlTransaction, errors.InvalidTransactionTermination)
"""Errors of a statement that cannot run in a transaction block, or of a procedure that commits."""

CHANGING = frozenset({"copy", "delete", "insert", "merge", "truncate", "update"})
GLOBAL_OBJECTS = (("database",), ("role",), ("system",), ("tablespace",), ("user",), ("group",))
"""Objects that belong to the whole server, so that they are in no schema."""


class Journaling:
    """The hooks that execute the statements of the scripts and record them in the journal.

    Statements in a transaction are kept in memory, and recorded before its commit: a release in one transaction never
    writes to the journal. A statement outside of the revision's transaction and its record are one transaction. A
    statement that cannot run in a transaction block is recorded before and after, and repaired if it was interrupted.
    A statement that is skipped returns the result of its execution to the script. Statements that only read, and those
    that belong to the session (settings, savepoints, temporary tables), are executed each time.

    ``active``: the journal has rows of this release. ``before_execution`` is called before each execution of a
    statement, in the statement's transaction if it has one.
    """

    def __init__(
        self, journal: Journal, *, active: bool, before_execution: Callable[[Sent], None] | None = None
    ) -> None:
        self.journal = journal
        self.active = active
        self.before_execution = before_execution
        self.seen: Counter[tuple[str, str]] = Counter()
        self.waiting: list[tuple[StatementKey, StatementResult]] = []
        self.savepoints: dict[NameParts, int] = {}
        self.temporary: set[str] = set()
        self.doubtful: set[StatementKey] = set()
        self.before = Snapshot({})

    def doubt(self, marks: set[StatementKey], before: Snapshot) -> None:
        """Execute some of the finished statements again, because the schema is that of ``before``: it was reverted.

        These are statements that create, alter or drop an object, and statements that wrote to a table that does not
        exist in ``before``. Statements that wrote to an existing table are not executed again.
        """
        self.doubtful, self.before = marks, before

    def run(self, sent: Sent) -> None:
        """Execute a statement, unless it is finished already."""
        kind = classify_text(sent.statement)
        if (
            sent.again
            or kind in (StatementKind.SESSION, StatementKind.READ_ONLY)
            or self._temporary(sent.statement)
        ):
            self._execute(sent)
            self._savepoints(sent.statement)
            return
        digest = statement_digest(sent.text)
        self.seen[sent.revision, digest] += 1
        mark = StatementKey(sent.revision, digest, self.seen[sent.revision, digest])
        if mark in self.journal.finished and not (mark in self.doubtful and self._is_undone(sent.statement)):
            self._skip(sent, mark)
        elif sent.outside:
            self._outside(sent, mark, kind)
        else:
            self._execute(sent)
            self.waiting.append((mark, StatementResult.from_cursor(sent.cursor)))

    def _execute(self, sent: Sent) -> None:
        if self.before_execution:
            self.before_execution(sent)
        sent.execute()

    def _is_undone(self, text: str) -> bool:
        for words in tokenize_statements(text)[:1]:
            if words[0] in DEFINING:
                return words[1:2] not in GLOBAL_OBJECTS
            tables = [name for kind, name in self.before.objects if kind == "table"]
            return words[0] in CHANGING and not any(
                is_name_of(written_relation(words), name) for name in tables
            )
        return False

    def _skip(self, sent: Sent, mark: StatementKey) -> None:
        for part in session_statements(sent.statement):
            self.journal.connection.execute(part.encode())
        self.journal.finished[mark].return_again(sent.cursor)

    def _outside(self, sent: Sent, mark: StatementKey, kind: StatementKind) -> None:
        self._make()
        if kind is not StatementKind.OUTSIDE_TRANSACTION and mark not in self.journal.begun:
            try:
                with self.journal.connection.transaction():
                    self._execute(sent)
                    self._finish(mark, StatementResult.from_cursor(sent.cursor))
            except NOT_IN_TRANSACTION:
                self._alone(sent, mark)
        else:
            self._alone(sent, mark)

    def _alone(self, sent: Sent, mark: StatementKey) -> None:
        done = mark in self.journal.begun and self.journal.repair_concurrent_statement(sent.text)
        if not done:
            self.journal.begin(mark)
            self._execute(sent)
        self._finish(mark, StatementResult.from_cursor(sent.cursor))

    def _finish(self, mark: StatementKey, result: StatementResult) -> None:
        self.journal.finish(mark, result)
        self.doubtful.discard(mark)

    def _temporary(self, text: str) -> bool:
        """Whether a statement creates, fills or changes a temporary relation."""
        for words in tokenize_statements(text)[:1]:
            if made := temporary_relation(words):
                self.temporary.add(made[-1])
                return True
            name = written_relation(words)
            return name[:-1] in ((), ("pg_temp",)) and name[-1:] != () and name[-1] in self.temporary
        return False

    def _savepoints(self, text: str) -> None:
        """Forget the statements that a rollback to a savepoint has undone."""
        for words in tokenize_statements(text):
            if words[0] == "savepoint":
                self.savepoints[words[1:2]] = len(self.waiting)
            elif words[0] == "rollback" and "to" in words:
                del self.waiting[self.savepoints.get(words[-1:], len(self.waiting)) :]

    def revisions_to_revert(self) -> None:
        """Forget the statements that a script has rolled back itself."""
        self.waiting = []

    def committing(self) -> None:
        """Record the statements of the transaction that is about to be committed."""
        if self.waiting:
            self._make()
            for mark, result in self.waiting:
                self._finish(mark, result)
            self.waiting = []

    def last(self) -> None:
        """Delete the rows of the release, in its last transaction."""
        self.waiting = []
        if self.active or self.journal.has_other_rows:
            self.journal.delete_rows()

    def _make(self) -> None:
        if not self.active:
            self.journal.create_table()
            self.active = True
