"""Deleting archives that are old enough, and recording that in the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from wish_rollout.core.archive.archive import Archive, ArchiveState
from wish_rollout.core.errors.planning.archives import ArchiveNotKeptLongEnough
from wish_rollout.postgres.archives import archive_store
from wish_rollout.postgres.archives.prepared.columns import drop_prepared
from wish_rollout.rollout.archives.archive_recording import record
from wish_rollout.rollout.execution.rollout_lock import rollout_mutex

if TYPE_CHECKING:
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


def purge_archives(project: Project, target: Target, older_than: timedelta, who: str) -> list[Archive]:
    """Delete the archives of an environment that are older, with their rows, and return them as they were.

    A gated environment keeps each archive for as long as its rollback was approved with. An archive whose rollback is not
    complete is not deleted. Raises RolloutLockHeld, ArchiveNotKeptLongEnough, LedgerWriteFailed.
    """
    with target.connect() as connection, rollout_mutex(target, connection):
        drop_prepared(connection)
        found = archive_store.read_archives(connection, target.scope.version_table)
        old = [
            each
            for each in found
            if each.environment == target.name
            and each.state not in (ArchiveState.OPEN, ArchiveState.PURGED)
            and age(each) >= older_than
        ]
        for archive in old:
            if target.environment.gated and archive.objects and age(archive) < days(archive.keep):
                raise ArchiveNotKeptLongEnough(target.name, archive.number, archive.keep)
        for archive in old:
            with connection.transaction():
                relations = [each.relation for each in archive.objects]
                archive_store.drop_contents(connection, relations, archive.types)
                emptied = replace(archive, state=ArchiveState.PURGED, objects=(), types=())
                archive_store.write_archive(connection, emptied)
                record(project, target, connection, ("purge archive", who), archive.summary())
    return old


def age(archive: Archive) -> timedelta:
    """Return how old an archive is."""
    return datetime.now(UTC) - datetime.fromisoformat(archive.created)


def days(text: str) -> timedelta:
    """Return a duration that is written as a number of days, as ``90d``."""
    return timedelta(days=int(text.removesuffix("d")))
