"""The archive of one rollback, written in the transactions of its downgrades."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import TransactionStatus

from wish_rollout.core.archive.archive import Archive, ArchiveState
from wish_rollout.core.errors.planning.archives import ArchiveNeedsReadCommitted, ArchiveOpenElsewhere
from wish_rollout.core.release.release import format_position
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.postgres.archives import archive_store
from wish_rollout.postgres.archives.archive_store import write_privilege_missing
from wish_rollout.postgres.archives.archive_writing import ArchiveWriter, losses_with_rows
from wish_rollout.postgres.archives.prepared.columns import (
    drop_prepared,
    free_number,
    is_large,
    prepare_column,
    refresh_column,
)
from wish_rollout.postgres.archives.row_security import row_security_not_forced
from wish_rollout.postgres.archives.session_settings import plain_text_settings
from wish_rollout.postgres.sessions.bounded_connection import BoundedConnection
from wish_rollout.postgres.sessions.long_statements import long_statements
from wish_rollout.postgres.sessions.server_errors import as_rollout_error
from wish_rollout.rollout.planning.rollbacks.rollback_losses import refuse_losses

if TYPE_CHECKING:
    from wish_rollout.core.archive.losses import Loss
    from wish_rollout.postgres.archives.prepared.batches import PreparedColumn
    from wish_rollout.rollout.execution.ledger_recording import Recorder

TRANSACTION = "select pg_current_xact_id()::text, current_setting('transaction_isolation')"
READ_COMMITTED = "set default_transaction_isolation = 'read committed'"
"""A snapshot that was taken before the locks would hide rows that were committed until then (manual, 13.2)."""


class RollbackArchive:
    """Archives what the downgrades of a recorded act destroy, under the locks that they take.

    ``before_revision``, ``after_scripts`` and ``after_ledger`` are called in the transactions of the scripts.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.connection = recorder.connection
        self.archive: Archive | None = None
        self.transaction = ""
        self.prepared: dict[Loss, PreparedColumn] = {}

    def prepare(self) -> None:
        """Copy large columns that the rollback drops, before it locks their tables.

        A column whose table is locked or not plain, whose copy fails or takes longer than a batch may, or of which too much
        is written meanwhile, is copied under the lock; and all are if a publication would send the copies to subscribers.
        Raises ArchiveOpenElsewhere, DatabaseOperationRefused, DatabaseUnreachable.
        """
        drop_prepared(self.connection)
        try:
            self.connection.execute(READ_COMMITTED)
            self._prepare_all()
        except psycopg.Error as error:
            raise as_rollout_error(error, self.recorder.target.name) from error

    def _prepare_all(self) -> None:
        plan, connection = self.recorder.plan, self.connection
        if write_privilege_missing(connection):
            return
        self._refuse_other_environment()
        columns = [loss for loss in plan.losses.losses if loss.kind == "column"]
        if not columns or not plan.archive_keep or archive_store.is_published(connection):
            return
        limit = self.recorder.target.environment.budgets.budgets.batch.statement_ms
        assert isinstance(connection, BoundedConnection)
        with long_statements(connection, limit):
            for number, loss in enumerate(columns, start=free_number(connection)):
                try:
                    self._prepare(loss, number)
                except psycopg.Error:  # the column is copied under the lock instead
                    if connection.closed:
                        raise

    def _prepare(self, loss: Loss, number: int) -> None:
        if not is_large(self.connection, loss.table):
            return
        with self.connection.transaction():
            archive_store.create_if_missing(self.connection)
        lost = self.recorder.plan.losses.lost_columns(loss.table)
        if prepared := prepare_column(self.connection, loss, lost, number):
            self.prepared[loss] = prepared

    def refresh(self) -> None:
        """Copy what was written since once more, before another attempt. A copy for which that fails stays as it is."""
        limit = self.recorder.target.environment.budgets.budgets.batch.statement_ms
        assert isinstance(self.connection, BoundedConnection)
        with suppress(psycopg.Error), long_statements(self.connection, limit):
            for loss, prepared in list(self.prepared.items()):
                del self.prepared[loss]  # unless it is known what the copy contains
                if refreshed := refresh_column(self.connection, prepared):
                    self.prepared[loss] = refreshed

    def drop_prepared(self) -> None:
        """Drop the copies that were not used, if the session can; otherwise the next rollback does it."""
        if self.connection.info.transaction_status == TransactionStatus.IDLE:
            drop_prepared(self.connection)

    def before_revision(self) -> None:
        """Archive what has rows, once in each transaction. Raises what ``refuse_losses`` raises."""
        losses = self.recorder.plan.losses
        row = self.connection.execute(TRANSACTION).fetchone()
        if not losses.losses or row is None or row[0] == self.transaction:
            return
        if row[1] != "read committed":
            raise ArchiveNeedsReadCommitted(self.recorder.target.name, row[1])
        self.transaction = row[0]
        writer = self._writer()
        tables = {loss.table for loss in losses.losses}
        with plain_text_settings(self.connection), row_security_not_forced(self.connection, tables):
            writer.lock()
            copied = [loss for loss, copy in self.prepared.items() if copy.rows]
            found = losses_with_rows(self.connection, losses.losses, copied)
            refuse_losses(self.recorder.target.environment, self.connection, self.recorder.plan, found)
            if found:
                archive_store.create_if_missing(self.connection)
                archive = writer.write(self._open() or self._new(), found)
                archive_store.write_archive(self.connection, archive)

    def after_scripts(self) -> None:
        """Complete the archive, if there is one; the ledger row, which follows, contains its summary."""
        self.archive, self.recorder.archive = None, {}
        archive = self._open()
        if archive is None:
            return
        later = {each.later[0] for each in archive.objects if each.kind == "values"}
        with plain_text_settings(self.connection), row_security_not_forced(self.connection, later):
            archive = self._writer().complete(archive)
        if not archive.objects:
            archive_store.drop_contents(self.connection, (), archive.types)
            archive_store.delete_archive(self.connection, archive)
            return
        self.archive, self.recorder.archive = archive, archive.summary()

    def after_ledger(self) -> None:
        """Record the number of the ledger row in the archive, which is complete then."""
        if self.archive:
            self.archive = replace(
                self.archive, state=ArchiveState.WAITING, ledger_row=self.recorder.head.seq
            )
            archive_store.write_archive(self.connection, self.archive)

    def _writer(self) -> ArchiveWriter:
        target, plan = self.recorder.target, self.recorder.plan
        roles = Roles.of(target.scope.migrator or plan.facts.role, target.scope.roles)
        return ArchiveWriter(self.connection, target.name, plan.losses, roles, target.scope, self.prepared)

    def _new(self) -> Archive:
        target, plan = self.recorder.target, self.recorder.plan
        revisions = (format_position(plan.start), format_position(plan.end))
        return archive_store.new_archive(
            self.connection, target.name, target.scope.version_table, revisions, plan.archive_keep
        )

    def _open(self) -> Archive | None:
        """Return the archive that an earlier transaction of the same rollback, or an interrupted one, has begun."""
        name = self.recorder.target.name
        return next((each for each in self._all_open() if each.environment == name), None)

    def _all_open(self) -> list[Archive]:
        found = archive_store.read_archives(self.connection, self.recorder.target.scope.version_table)
        return [each for each in found if each.state is ArchiveState.OPEN]

    def _refuse_other_environment(self) -> None:
        name = self.recorder.target.name
        for archive in self._all_open():
            if archive.environment != name:
                raise ArchiveOpenElsewhere(name, archive.number, archive.environment)
