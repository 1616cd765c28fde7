"""Running each statement of a release once, however often the release is cut off and run again."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from psycopg import errors

from wish_rollout.core.release.statement_repeatability import (
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
    from wish_rollout.revisions.run_hooks import Sent

NOT_IN_TRANSACTION = (errors.ActiveSqlTransaction, errors.InvalidTransactionTermination)
"""What the server says of a statement that cannot be in a transaction, or of a procedure that ends one itself."""

DEFINING = frozenset({"alter", "comment", "create", "drop", "grant", "revoke", "security"})
CHANGING = frozenset({"copy", "delete", "insert", "merge", "truncate", "update"})
OF_THE_SERVER = (("database",), ("role",), ("system",), ("tablespace",), ("user",), ("group",))
"""What is not of one database, so that its schema tells nothing of it."""


class Journaling:
    """What a run of the scripts asks before and after each statement; ``Hooks.run`` and three more.

    In a transaction, statements are only remembered, and written down with the first thing that is committed:
    so a release in one transaction never touches the journal. Outside of one, a statement and its mark are one
    transaction of ours; what cannot be in one is marked before and after, and repaired if it was cut off.
    A statement that is skipped gives the script what it gave when it ran: its rows, or how many there were.
    Only what reads, or belongs to the session (settings, savepoints, temporary tables), runs each time.
    """

    def __init__(self, journal: Journal, *, active: bool) -> None:
        self.journal = journal
        self.active = active
        self.seen: Counter[tuple[str, str]] = Counter()
        self.waiting: list[tuple[StatementKey, StatementResult]] = []
        self.savepoints: dict[NameParts, int] = {}
        self.temporary: set[str] = set()
        self.doubtful: set[StatementKey] = set()
        self.before = Snapshot({})

    def doubt(self, marks: set[StatementKey], before: Snapshot) -> None:
        """Doubt what was finished, since the schema is that of ``before`` again: somebody took it all back.

        Then what makes, alters or drops something is undone, and so is what wrote into a table that is not there;
        what wrote into one that was there before is not.
        """
        self.doubtful, self.before = marks, before

    def run(self, sent: Sent) -> None:
        """Execute a statement, unless it is done already."""
        kind = classify_text(sent.statement)
        if (
            sent.again
            or kind in (StatementKind.SESSION, StatementKind.READ_ONLY)
            or self._temporary(sent.statement)
        ):
            sent.execute()
            self._savepoints(sent.statement)
            return
        digest = hashlib.sha256(sent.text.encode()).hexdigest()
        self.seen[sent.revision, digest] += 1
        mark = StatementKey(sent.revision, digest, self.seen[sent.revision, digest])
        if mark in self.journal.finished and not (mark in self.doubtful and self._is_undone(sent.statement)):
            self._skip(sent, mark)
        elif sent.outside:
            self._outside(sent, mark, kind)
        else:
            sent.execute()
            self.waiting.append((mark, StatementResult.from_cursor(sent.cursor)))

    def _is_undone(self, text: str) -> bool:
        for words in tokenize_statements(text)[:1]:
            if words[0] in DEFINING:
                return words[1:2] not in OF_THE_SERVER
            tables = [name for kind, name in self.before.objects if kind == "table"]
            return words[0] in CHANGING and not any(
                is_name_of(written_relation(words), name) for name in tables
            )
        return False

    def _skip(self, sent: Sent, mark: StatementKey) -> None:
        for part in session_statements(sent.statement):
            self.journal.connection.execute(part.encode())
        self.journal.finished[mark].again(sent.cursor)

    def _outside(self, sent: Sent, mark: StatementKey, kind: StatementKind) -> None:
        self._make()
        if kind is not StatementKind.OUTSIDE_TRANSACTION and mark not in self.journal.begun:
            try:
                with self.journal.connection.transaction():
                    sent.execute()
                    self._finish(mark, StatementResult.from_cursor(sent.cursor))
            except NOT_IN_TRANSACTION:
                self._alone(sent, mark)
        else:
            self._alone(sent, mark)

    def _alone(self, sent: Sent, mark: StatementKey) -> None:
        done = mark in self.journal.begun and self.journal.repair_concurrent_statement(sent.text)
        if not done:
            self.journal.begin(mark)
            sent.execute()
        self._finish(mark, StatementResult.from_cursor(sent.cursor))

    def _finish(self, mark: StatementKey, given: StatementResult) -> None:
        self.journal.finish(mark, given)
        self.doubtful.discard(mark)

    def _temporary(self, text: str) -> bool:
        """Whether a statement makes, fills or changes what ends with the session."""
        for words in tokenize_statements(text)[:1]:
            if made := temporary_relation(words):
                self.temporary.add(made[-1])
                return True
            name = written_relation(words)
            return name[:-1] in ((), ("pg_temp",)) and name[-1:] != () and name[-1] in self.temporary
        return False

    def _savepoints(self, text: str) -> None:
        """Forget what was undone by going back to a savepoint."""
        for words in tokenize_statements(text):
            if words[0] == "savepoint":
                self.savepoints[words[1:2]] = len(self.waiting)
            elif words[0] == "rollback" and "to" in words:
                del self.waiting[self.savepoints.get(words[-1:], len(self.waiting)) :]

    def revisions_to_revert(self) -> None:
        """Forget what a script has rolled back by itself."""
        self.waiting = []

    def committing(self) -> None:
        """Write down what has run so far, in the transaction that is about to be committed."""
        if self.waiting:
            self._make()
            for mark, given in self.waiting:
                self._finish(mark, given)
            self.waiting = []

    def last(self) -> None:
        """End the release's journal, in the transaction of its last act."""
        self.waiting = []
        if self.active or self.journal.has_other_rows:
            self.journal.delete_rows()

    def _make(self) -> None:
        if not self.active:
            self.journal.create_table()
            self.active = True
