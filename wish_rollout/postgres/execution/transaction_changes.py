"""The objects that the transactions of a migration change, read before each commit.

Before a transaction takes its locks, the schema is known. Before the commit, only what the transaction wrote is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.pq import TransactionStatus

from wish_rollout.postgres.changes.snapshot_tracker import SnapshotTracker

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from wish_rollout.core.schema.scope import Scope
    from wish_rollout.core.schema.snapshot import Json, Key
    from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects
    from wish_rollout.postgres.changes.written_rows import Counts, Moment


class TransactionChanges:
    """The schema as one session sees it, and what it has changed since ``begin``.

    ``changed``: the objects that were read again, whether they differ or not.
    """

    def __init__(self, connection: psycopg.Connection[Any], scope: Scope) -> None:
        self.connection = connection
        self.scope = scope
        self.changed: set[Key] = set()
        self._tracker: SnapshotTracker | None = None
        self._mark: Moment | None = None
        self._counts: Counts | None = None
        self._is_current = False

    @property
    def objects(self) -> Mapping[Key, Mapping[str, Json]]:
        """The schema as it was read last."""
        assert self._tracker
        return self._tracker.objects

    def begin(self, reading: CatalogObjects | None = None, *, others_wait: bool = True) -> None:
        """Read the whole schema, in the transaction that will change it, before it takes locks. Raises psycopg's errors.

        ``reading``: what the session has read shortly before; it has changed nothing since. What other sessions change
        meanwhile is left out, as it is until the commit. ``others_wait``: the transaction will hold locks for which others
        may wait, so that the queries of ``read`` are planned now.
        """
        self._tracker = SnapshotTracker(self.connection, self.scope, reading)
        if others_wait:
            self._tracker.prepare()
        self._is_current = True
        self._mark = self._tracker.mark()

    def begin_transaction(self) -> None:
        """Note the moment before a new transaction's changes, or read the schema again if something was missed.

        Nothing is done if that was done in this transaction. The transaction may have read before, but nothing that it
        wrote is missed.
        """
        is_failed = self.connection.info.transaction_status == TransactionStatus.INERROR
        if self._tracker is None or self._mark is not None or is_failed:
            return
        if not self._is_current:
            self.changed |= self._tracker.read_everything()
            self._is_current = True
        self._mark = self._tracker.mark()

    def read(self) -> bool:
        """Read what the open transaction has changed; return False if it has changed nothing since the last call.

        The session's settings are those for reading until the transaction ends.
        """
        assert self._tracker
        if self._mark is None or not self._is_current:
            self.changed |= self._tracker.read_everything()
            self._is_current, self._mark, self._counts = True, self._tracker.mark(), None
            return True
        if self._counts is not None and self._counts == self._tracker.changes.count_writes():
            return False
        change = self._tracker.read(self._mark, keep_settings=False, own=True)
        self._counts = self._tracker.changes.counted or None
        self._tracker.accept(change)
        self.changed |= change.keys
        return True

    def end_transaction(self, *, is_read: bool) -> None:
        """Note that the transaction ends. ``is_read``: everything that it has changed was read."""
        self._is_current = self._is_current and is_read
        self._mark = self._counts = None

    def miss(self) -> None:
        """Note that something changes the schema outside of the transactions that are read."""
        self._is_current = False
