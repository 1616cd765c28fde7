"""The archives of an environment, and which of them waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.planning.archives import UnknownArchive
from wish_rollout.postgres.archives import archive_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.archive.archive import Archive
    from wish_rollout.rollout.servers.target import Target


def list_archives(target: Target) -> list[Archive]:
    """Return the archives of an environment, the oldest first. Raises what ``Target.connect`` raises."""
    with target.connect() as connection:
        found = archive_store.read_archives(connection, target.scope.version_table)
    return [each for each in found if each.environment == target.name]


def find_archive(environment: str, archives: Sequence[Archive], number: int) -> Archive:
    """Return the archive with this number. Raises UnknownArchive."""
    for archive in archives:
        if archive.number == number:
            return archive
    raise UnknownArchive(environment, number, ", ".join(str(each.number) for each in archives) or "none")
