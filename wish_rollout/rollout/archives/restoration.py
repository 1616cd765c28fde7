"""Restoring archives of one environment, each in one transaction, under its rollout lock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.archive.archive import Archive, ArchivedObject, ArchiveState
from wish_rollout.core.errors.planning.archives import (
    ArchiveAltered,
    ArchiveOfOtherEnvironment,
    ArchiveUnfinished,
    ReleaseNotApplied,
    RestoreFailed,
)
from wish_rollout.core.release.release import format_position, parse_position
from wish_rollout.postgres.archives import archive_store
from wish_rollout.postgres.archives.prepared.columns import drop_prepared
from wish_rollout.postgres.archives.row_copies import archive_checksum
from wish_rollout.postgres.archives.row_restoration import RestoredObject, Restorer
from wish_rollout.postgres.archives.sequence_values import advance_sequences
from wish_rollout.postgres.archives.session_settings import plain_text_settings
from wish_rollout.postgres.archives.table_description import describe_table
from wish_rollout.postgres.facts.database_state import read_facts
from wish_rollout.postgres.sessions.long_statements import long_statements
from wish_rollout.rollout.archives.archive_list import find_archive
from wish_rollout.rollout.archives.archive_recording import record
from wish_rollout.rollout.execution.rollout_lock import rollout_mutex
from wish_rollout.rollout.planning.drift_refusals import refuse_position

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.release.release import Position
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


@dataclass(frozen=True, slots=True)
class Restoration:
    """What became of one archive."""

    archive: Archive
    objects: tuple[RestoredObject, ...]

    @property
    def rows(self) -> int:
        """The number of restored rows and values."""
        return sum(each.rows for each in self.objects)

    @property
    def left(self) -> int:
        """The number of rows and values that stay in the archive."""
        return self.archive.rows

    def as_dict(self) -> dict[str, Any]:
        """Return what ``restore --json`` shows."""
        return {
            "archive": self.archive.number,
            "state": self.archive.state.value,
            "restored": self.rows,
            "left": self.left,
            "objects": [each.as_dict() for each in self.objects],
        }


def restore(project: Project, target: Target, number: int | None, who: str) -> list[Restoration]:
    """Restore one archive of an environment, or all that wait, the newest first, and record that in the ledger.

    An archive that was restored before has nothing left, and nothing happens. Raises RolloutLockHeld, UnknownArchive,
    ArchiveOfOtherEnvironment, ArchiveUnfinished, ReleaseNotApplied, ForeignRevision, ArchiveAltered, RestoreFailed,
    LedgerWriteFailed.
    """
    with target.connect() as connection, rollout_mutex(target, connection):
        drop_prepared(connection)
        state = read_facts(connection, target.scope.version_table).revisions
        refuse_position(target.environment, state, project)
        found = archive_store.read_archives(connection, target.scope.version_table)
        refuse_other_environment(target.name, found, number)
        found = [each for each in found if each.environment == target.name]
        chosen = [find_archive(target.name, found, number)] if number is not None else found[::-1]
        waiting = select_waiting(project, target, state, chosen, skip=number is None)
        with long_statements(connection, target.environment.budgets.budgets.batch.statement_ms):
            return [_restore(project, target, connection, archive, who) for archive in waiting]


def refuse_other_environment(environment: str, found: Sequence[Archive], number: int | None) -> None:
    """Raise ArchiveOfOtherEnvironment if the archive with this number was made for another environment."""
    for each in found:
        if each.number == number and each.environment != environment:
            raise ArchiveOfOtherEnvironment(environment, each.number, each.environment)


def select_waiting(
    project: Project, target: Target, position: Position, chosen: Sequence[Archive], *, skip: bool
) -> list[Archive]:
    """Return the archives that can be restored. ``skip``: leave out those that can only be restored later.

    Raises ArchiveUnfinished, ReleaseNotApplied.
    """
    for archive in chosen:
        if archive.state is ArchiveState.OPEN:
            raise ArchiveUnfinished(target.name, archive.number, archive.end)
    waiting = [each for each in chosen if each.waits]
    possible = [each for each in waiting if is_applied(project, position, each)]
    if len(possible) < len(waiting) and not (skip and possible):
        archive = next(each for each in waiting if each not in possible)
        raise ReleaseNotApplied(target.name, archive.number, format_position(position), archive.start)
    return possible


def is_applied(project: Project, position: Position, archive: Archive) -> bool:
    """Return whether a database is at the revisions at which an archive was made, or at later ones."""
    return set(parse_position(archive.start)) <= project.release.ancestors(position)


def _restore(
    project: Project, target: Target, connection: psycopg.Connection[Any], archive: Archive, who: str
) -> Restoration:
    with connection.transaction():
        with plain_text_settings(connection):
            refuse_altered(target.name, connection, archive)
            results: list[RestoredObject] = []
            left: list[ArchivedObject] = []
            for kept in in_order(connection, archive.objects):
                relation = replace(archive, objects=(*archive.objects, *left)).next_relation()
                results.append(_restore_object(target.name, connection, archive.number, kept, relation))
                left += results[-1].left
            advance_sequences(connection, archive.sequences)
            state = ArchiveState.PARTLY_RESTORED if left else ArchiveState.RESTORED
            types = archive.types if left else ()
            archive_store.drop_contents(connection, (), () if left else archive.types)
            archive = replace(archive, state=state, objects=tuple(left), types=types)
            archive_store.write_archive(connection, archive)
        restoration = Restoration(archive, tuple(results))
        names = [{"object": str(each.object.loss), "rows": each.rows} for each in results]
        record(project, target, connection, ("restore", who), {"archive": archive.number, "objects": names})
    return restoration


def _restore_object(
    environment: str, connection: psycopg.Connection[Any], number: int, kept: ArchivedObject, relation: str
) -> RestoredObject:
    try:
        result = Restorer(connection, kept, relation).restore()
    except psycopg.Error as error:
        if connection.closed:
            raise
        reason = (error.diag.message_primary or type(error).__name__).strip()
        raise RestoreFailed(environment, number, kept.table, reason) from None
    if not result.proven:
        raise RestoreFailed(
            environment, number, kept.table, "the table would not contain the archived values"
        )
    return result


def refuse_altered(environment: str, connection: psycopg.Connection[Any], archive: Archive) -> None:
    """Raise ArchiveAltered if the rows of an archive are not those that were archived."""
    for each in archive.objects:
        if describe_table(connection, archive_store.archived(each.relation)) is None:
            raise ArchiveAltered(environment, archive.number, f"the rows of {each.loss} are gone")
        found = archive_checksum(connection, each.relation, each.stored_columns)
        if each.rows != found[0] or each.checksum not in (None, found[1]):
            what = f"{each.loss} had {each.rows} rows with another checksum"
            raise ArchiveAltered(environment, archive.number, what)


def in_order(connection: psycopg.Connection[Any], objects: Sequence[ArchivedObject]) -> list[ArchivedObject]:
    """Return archived objects so that referenced tables come before the tables that reference them, and values last."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for each in objects:
        description = describe_table(connection, each.table)
        parents = {key.table for key in description.foreign_keys if not key.to_itself} if description else ()
        sorter.add(each.table, *parents)
    try:
        order = list(sorter.static_order())
    except CycleError:
        order = sorted({each.table for each in objects})
    return sorted(objects, key=lambda each: (each.kind != "table", order.index(each.table)))
