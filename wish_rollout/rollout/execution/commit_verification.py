"""The verification of a migration before its commits, inside of its transactions.

In a release with one transaction, what the transaction has changed is compared with the promised delta before the
commit: nothing is committed that is not promised. A release with several transactions is verified at each commit that
ends a revision, and at its last one. The verification of the whole schema afterwards remains.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wish_rollout.core.environment.unmanaged_objects import UnmanagedPolicy
from wish_rollout.core.errors.verification import CommitRefused
from wish_rollout.core.plan.action import ROLLBACKS, Action
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.schema.names import parent_object
from wish_rollout.core.schema.promise_comparison import delta_of_keys, differing_keys
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.postgres.execution.transaction_changes import TransactionChanges
from wish_rollout.postgres.records.version_table import read_position

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.snapshot import Key
    from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects
    from wish_rollout.rollout.execution.ledger_recording import Recorder
    from wish_rollout.rollout.execution.promised_schemas import Promise, PromisedSchemas


FRESH_SECONDS = 1.0
"""How old the schema may be that a plan has read, when the first statement is about to be executed."""


class CommitVerification:
    """The verification of one attempt of a migration.

    ``again``: the command that continues the migration. ``milliseconds``: the longest verification so far.
    """

    def __init__(self, recorder: Recorder, promised: PromisedSchemas, again: str, *, resumed: bool) -> None:
        self.recorder = recorder
        self.project = promised.project
        self.promised = promised
        self.again = again
        self.has_committed = resumed
        self.milliseconds = 0.0
        self.changes = TransactionChanges(recorder.connection, recorder.target.scope)
        self._applied: set[str] = set()
        self._ends_revision = False
        self._refusal: CommitRefused | None = None

    def begin(self, reading: CatalogObjects | None = None, *, others_wait: bool = True) -> None:
        """Read the schema before the attempt, in its first transaction, before it takes locks.

        ``reading``: what the plan was made from, which is used if nothing can have changed it in the short time since.
        ``others_wait``: see ``TransactionChanges.begin``.
        """
        table = self.project.config.release.version_table
        self._applied = set(self.project.release.ancestors(read_position(self.recorder.connection, table)))
        is_usable = reading is not None and reading.age < FRESH_SECONDS and not reading.has_event_triggers
        self.changes.begin(reading if is_usable else None, others_wait=others_wait)
        self.promised.begin(dict(self.changes.objects))

    def begin_transaction(self) -> None:
        """Note that a transaction begins, unless one is open. Call it before each statement of a revision."""
        self.changes.begin_transaction()

    def begin_revision(self, revision: str) -> None:
        """Compute what is promised after a revision that has a transaction of its own, before that takes locks."""
        self.promised.at(self._position_of(self._applied_after(revision)))

    def send(self, *, outside: bool) -> None:
        """Note that a revision sends a statement. ``outside``: of the revision's transaction."""
        self._ends_revision = False
        if outside:
            self.changes.miss()

    def end_revision(self, revision: str) -> None:
        """Note that a revision has run."""
        self._applied = self._applied_after(revision)
        self._ends_revision = True

    def before_commit(self) -> None:
        """Verify what is about to be committed, if it ends a revision. Raises CommitRefused."""
        if self._ends_revision:
            self.verify()
        self.changes.end_transaction(is_read=self._ends_revision)
        self.has_committed = True

    def roll_back(self) -> None:
        """Note that a script has rolled its transaction back."""
        self.changes.end_transaction(is_read=False)

    def verify(self) -> None:
        """Verify the open transaction. Raises CommitRefused, also if a script has caught it before."""
        if self._refusal:
            raise self._refusal
        started = time.perf_counter()
        if self.changes.read() and (promise := self.promised.at(self._position_of(self._applied))):
            wrong = self._wrong(promise)
            if wrong:
                self._refuse(promise, wrong)
        self.milliseconds = max(self.milliseconds, (time.perf_counter() - started) * 1000)

    def _applied_after(self, revision: str) -> set[str]:
        is_rollback = self.promised.plan.action in ROLLBACKS
        return self._applied - {revision} if is_rollback else self._applied | {revision}

    def _position_of(self, applied: set[str]) -> Position:
        parents = {parent for name in applied for parent in self.project.release.revision(name).parents}
        return tuple(sorted(applied - parents))

    def _wrong(self, promise: Promise) -> list[Key]:
        keys = self.changes.changed | promise.keys
        found = differing_keys(promise.objects, self.changes.objects, keys, any_order=not promise.is_end)
        if not promise.is_end and self.promised.plan.action is Action.ROLLBACK:
            found = [key for key in found if key[0] != "extension"]  # a downgrade may leave it
        found = [
            key
            for key in found
            if not self._is_expected(key, promise) and not self._publishes_other_tables(key, promise)
        ]
        return self._without_runtime_partitions(promise, found) if found else []

    def _is_expected(self, key: Key, promise: Promise) -> bool:
        """Return whether an object that is not as promised at this commit is as the migration expects it.

        Before the end, env.py or a revision that is not complete can have made what is promised for the end. After a
        commit, an object that the migration itself has created and that is not promised can be dropped again.
        """
        found = self.changes.objects.get(key)
        if not promise.is_end:
            return found is not None and found == self.promised.end_objects.get(key)
        return self.has_committed and found is None and not self.promised.is_known(key)

    def _publishes_other_tables(self, key: Key, promise: Promise) -> bool:
        """Return whether only the list of tables of a publication differs that no revision creates."""
        if key[0] != "publication" or key not in self.changes.objects or key not in promise.objects:
            return False
        found, promised = (
            self.project.without_published_tables(Snapshot({key: objects[key]}))
            for objects in (self.changes.objects, promise.objects)
        )
        return found == promised

    def _without_runtime_partitions(self, promise: Promise, keys: Iterable[Key]) -> list[Key]:
        """Leave out partitions that another program creates and drops."""
        if self.project.config.scope.runtime_partitions is UnmanagedPolicy.FAIL:
            return list(keys)
        partitions: set[str] = set()
        for objects in (promise.objects, self.changes.objects):
            tables = {key: value for key, value in objects.items() if key[0] == "table"}
            partitions.update(self.project.runtime_partitions(Snapshot(tables)))

        def is_part(key: Key) -> bool:
            properties = self.changes.objects.get(key) or promise.objects[key]
            return (parent_object(*key, properties) or key[1]) in partitions

        return [key for key in keys if not is_part(key)]

    def _refuse(self, promise: Promise, keys: list[Key]) -> None:
        delta = delta_of_keys(promise.objects, self.changes.objects, keys)
        found = summarize_delta(delta) if delta else ", ".join(f"{kind} {name}" for kind, name in keys)
        environment = self.recorder.target.name
        state = (
            f"The open transaction was rolled back; what was committed before it remains in '{environment}'."
            if self.has_committed
            else "Everything was rolled back, and nothing was committed."
        )
        self._refusal = CommitRefused(environment, found, state, self.again)
        raise self._refusal
