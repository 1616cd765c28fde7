"""Archiving what a rollback would destroy, in the transaction that destroys it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.archive.archive import Archive, ArchivedObject
from wish_rollout.core.errors.planning.archives import ArchiveNeedsKey
from wish_rollout.core.schema.names import split_last
from wish_rollout.postgres.archives.archive_store import drop_contents
from wish_rollout.postgres.archives.prepared.completion import take_prepared
from wish_rollout.postgres.archives.row_copies import (
    archive_checksum,
    copy_columns,
    keep_changed_values,
)
from wish_rollout.postgres.archives.sequence_values import read_sequence_values
from wish_rollout.postgres.archives.table_description import TableDescription, describe_table
from wish_rollout.postgres.archives.table_replacement import replace_tables
from wish_rollout.postgres.facts.row_counts import count
from wish_rollout.postgres.rows.rows_at_risk import existing_names, rows_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import psycopg

    from wish_rollout.core.archive.losses import Loss, RollbackLosses
    from wish_rollout.core.remedy.role_names import Roles
    from wish_rollout.core.schema.scope import Scope
    from wish_rollout.postgres.archives.prepared.batches import PreparedColumn


def losses_with_rows(
    connection: psycopg.Connection[Any], losses: Iterable[Loss], copied: Collection[Loss] = ()
) -> list[Loss]:
    """Return the losses whose tables and columns exist and contain rows. Call it with ``plain_text_settings``.

    ``copied``: columns that are known to contain values, so that their tables are not read.
    """
    losses = list(losses)
    existing = existing_names(connection, [loss.name for loss in losses])
    return [
        loss
        for loss in losses
        if loss.name in existing
        and (loss in copied or count(connection, rows_of(connection, loss), 1, column=loss.column) > 0)
    ]


def refuse_keyless(
    connection: psycopg.Connection[Any], environment: str, found: RollbackLosses, losses: Iterable[Loss]
) -> None:
    """Raise ArchiveNeedsKey if values would be archived of a table without a key that stays as it is."""
    for loss in losses:
        if loss.kind == "table":
            continue
        description = describe_table(connection, loss.table)
        if description and not description.key_without(found.lost_columns(loss.table)):
            raise ArchiveNeedsKey(environment, str(loss))


@dataclass
class ArchiveWriter:
    """Archives losses in the current transaction.

    ``roles``, ``scope``: of the environment, to create tables again. ``prepared``: copies that were made before the lock.
    """

    connection: psycopg.Connection[Any]
    environment: str
    found: RollbackLosses
    roles: Roles
    scope: Scope
    prepared: Mapping[Loss, PreparedColumn] = field(default_factory=dict)

    def lock(self) -> None:
        """Lock the tables of all losses in ACCESS EXCLUSIVE mode, as DROP does; they cannot change until the commit."""
        names = existing_names(self.connection, sorted({loss.table for loss in self.found.losses}))
        if names:
            self.connection.execute(
                f"lock table {', '.join(sorted(names))} in access exclusive mode".encode()
            )

    def write(self, archive: Archive, losses: Sequence[Loss]) -> Archive:
        """Archive the losses, which have rows, and return the archive with them.

        What an interrupted run has copied is copied again, as the table or column is still there. Raises ArchiveNeedsKey.
        """
        refuse_keyless(self.connection, self.environment, self.found, losses)
        tables = [loss.table for loss in losses if loss.kind == "table"]
        sequences = read_sequence_values(self.connection, tables, self.found.sequences)
        archive = replace(archive, sequences={**archive.sequences, **sequences})
        moved: set[str] = set()
        if tables and not self.found.reads_rows:
            lost = [loss.table for loss in self.found.losses if loss.kind == "table"]
            archive, moved = replace_tables(
                self.connection, archive, (lost, tables, self.found.enums), self.roles, self.scope
            )
            archive = self._without_copies(archive, moved.intersection(tables))
        for loss in losses:
            if not (loss.kind == "table" and loss.table in moved):
                archive = self._copy(archive, loss)
        return archive

    def _without_copies(self, archive: Archive, moved: Collection[str]) -> Archive:
        """Drop what an earlier transaction has copied of tables that are moved now, and contain all of it."""
        twice = [
            each
            for each in archive.objects
            if each.kind == "table" and each.table in moved and not each.moved
        ]
        drop_contents(self.connection, [each.relation for each in twice])
        return replace(archive, objects=tuple(each for each in archive.objects if each not in twice))

    def _copy(self, archive: Archive, loss: Loss) -> Archive:
        description = describe_table(self.connection, loss.table)
        assert description is not None
        kind = description.columns[loss.column].type if loss.column else ""
        for earlier in archive.objects:
            if earlier.loss == loss and not earlier.moved:
                if earlier.type != kind:  # the value is converted already; the archive contains it as it was
                    return archive
                drop_contents(self.connection, [earlier.relation])
                archive = replace(archive, objects=tuple(o for o in archive.objects if o is not earlier))
        key = description.key_without(self.found.lost_columns(loss.table)) if loss.column else ()
        columns = (loss.column,) if loss.column else tuple(each.name for each in description.stored)
        kept = ArchivedObject(
            loss.kind, loss.table, archive.next_relation(), columns, key, type=kind, later=loss.later
        )
        rows = None
        if loss in self.prepared:
            rows = take_prepared(self.connection, self.prepared[loss], kept, description)
        if rows is None:
            source = rows_of(self.connection, loss) if loss.kind == "table" else ""
            rows = copy_columns(self.connection, kept, description, source)
        return replace(archive, objects=(*archive.objects, replace(kept, rows=rows))) if rows else archive

    def complete(self, archive: Archive) -> Archive:
        """Return the archive after the downgrades: of changed values, only those that changed.

        Checksums are added after the commit, because they take as long as the copying itself.
        """
        kept = (self._changed_only(each) if each.kind == "values" else each for each in archive.objects)
        objects = [each for each in kept if each is not None]
        return replace(archive, objects=tuple(objects))

    def _changed_only(self, kept: ArchivedObject) -> ArchivedObject | None:
        later = describe_table(self.connection, kept.later[0])
        stored = describe_table(self.connection, f"wish_rollout_archive.{kept.relation}")
        assert later is not None
        assert stored is not None
        key = [(name, self._later_key(kept.table, name, stored, later)) for name in kept.key]
        relation = f"{kept.relation}v"
        rows = keep_changed_values(self.connection, kept, key, relation)
        return replace(kept, relation=relation, rows=rows) if rows else None

    def _later_key(self, table: str, name: str, stored: TableDescription, later: TableDescription) -> str:
        """Return the expression for a key's column after the rollback, of the type that the archive contains."""
        renamed = self.found.later.get(f"{table}.{name}", f"{table}.{name}")
        column, kind = later.columns[split_last(renamed)[1]], stored.columns[name].type
        return f"t.{column.name}" if column.type == kind else f"t.{column.name}::text::{kind}"


def with_checksum(connection: psycopg.Connection[Any], kept: ArchivedObject) -> ArchivedObject:
    """Return an archived object with the number of its rows and their checksum."""
    rows, checksum = archive_checksum(connection, kept.relation, kept.stored_columns)
    return replace(kept, rows=rows, checksum=checksum)
