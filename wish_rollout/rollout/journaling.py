"""Running each statement of a release once, however often the release is cut off and run again."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from wish_rollout.core.sql_words import has, statements
from wish_rollout.postgres.journal import Mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.postgres.journal import Journal

ANSWERS = ("select", "with", "values", "table", "show", "explain", "fetch")
ALONE = ("vacuum", "cluster", "create", "drop", "reindex", "alter")
"""What cannot run in a transaction begins so, and says CONCURRENTLY or names what is not of one database."""
NOT_IN_TRANSACTION = (("concurrently",), ("database",), ("tablespace",), ("system",))


class Journaling:
    """What a run of the scripts asks before and after each statement; ``Hooks.run`` and two more.

    In a transaction, statements are only remembered, and written down with the first thing that is committed:
    so a release in one transaction never touches the journal. Outside of one, a statement and its mark are one
    transaction of ours; what cannot be in one is marked before and after, and repaired if it was cut off.
    Statements that give rows are never skipped, since the script needs the rows: such writes must be of the
    kind that can be repeated.
    """

    def __init__(self, journal: Journal, *, active: bool) -> None:
        self.journal = journal
        self.active = active
        self.seen: Counter[tuple[str, str]] = Counter()
        self.waiting: list[Mark] = []

    def run(self, revision: str, text: str, outside: bool, execute: Callable[[], Any]) -> None:
        """Execute a statement, unless it is done already."""
        words = next(iter(statements(text)), ("",))
        if words[0] in ANSWERS or has(words, "returning"):
            execute()
            return
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.seen[revision, digest] += 1
        mark = Mark(revision, digest, self.seen[revision, digest])
        if mark in self.journal.finished:
            return
        if not outside:
            execute()
            self.waiting.append(mark)
            return
        self._make()
        if words[0] == "vacuum" or (
            words[0] in ALONE and any(has(words, *one) for one in NOT_IN_TRANSACTION)
        ):
            self._alone(mark, text, execute)
            return
        with self.journal.connection.transaction():
            execute()
            self.journal.finish([mark])

    def _alone(self, mark: Mark, text: str, execute: Callable[[], Any]) -> None:
        done = mark in self.journal.begun and self.journal.repaired(text)
        if not done:
            self.journal.begin(mark)
            execute()
        self.journal.finish([mark])

    def committing(self) -> None:
        """Write down what has run so far, in the transaction that is about to be committed."""
        if self.waiting:
            self._make()
            self.journal.finish(self.waiting)
            self.waiting = []

    def last(self) -> None:
        """End the release's journal, in the transaction of its last act."""
        self.waiting = []
        if self.active:
            self.journal.end()

    def _make(self) -> None:
        if not self.active:
            self.journal.make()
            self.active = True
