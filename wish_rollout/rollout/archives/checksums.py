"""The checksums of archives, added when a rollback is verified: nobody waits for the archived tables then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.postgres.archives import archive_store
from wish_rollout.postgres.archives.archive_writing import with_checksum
from wish_rollout.postgres.archives.session_settings import plain_text_settings
from wish_rollout.postgres.sessions.long_statements import long_statements
from wish_rollout.rollout.archives.archive_recording import record
from wish_rollout.rollout.execution.rollout_lock import rollout_mutex

if TYPE_CHECKING:
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


def add_missing_checksums(project: Project, target: Target, who: str) -> None:
    """Add the checksums of archives that have none yet, and record them in the ledger.

    Raises RolloutLockHeld, LedgerWriteFailed, and what ``Target.connect`` raises.
    """
    limit = target.environment.budgets.budgets.batch.statement_ms
    with (
        target.connect() as connection,
        rollout_mutex(target, connection),
        long_statements(connection, limit),
    ):
        for archive in archive_store.read_archives(connection, target.scope.version_table):
            if archive.waits and any(each.checksum is None for each in archive.objects):
                with connection.transaction():
                    with plain_text_settings(connection):
                        objects = tuple(
                            each if each.checksum else with_checksum(connection, each)
                            for each in archive.objects
                        )
                    complete = replace(archive, objects=objects)
                    archive_store.write_archive(connection, complete)
                    summary = {"archive": complete.summary()}
                    record(project, target, connection, ("archive checksum", who), summary)
