"""Replaying the scripts on a scratch database, to read off what they really do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.catalog.database_state import read_database_state
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.journal import BASE, Recorded
from wish_rollout.revisions.script_runs import Road, migrate
from wish_rollout.rollout.project.base_schema import SCRATCH, empty_scratch, load_base

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.release_source import ReleaseSource


@contextmanager
def scratch(project: ReleaseSource) -> Iterator[str]:
    """Yield the URL of a new scratch database with the schema before the first revision."""
    with empty_scratch(project) as url:
        load_base(project, url)
        yield url


class Replayer:
    """A scratch database on which revisions go up and down one at a time."""

    def __init__(self, project: ReleaseSource, url: str) -> None:
        self.project = project
        self.url = url

    def snapshot(self) -> Snapshot:
        """Read what is there now."""
        with connect(self.url, SCRATCH) as connection:
            return read_database_state(connection, self.project.scope_of()).snapshot

    def up(self, revision: str) -> tuple[str, ...]:
        """Apply up to this revision; give the statements of it."""
        with connect(self.url, SCRATCH) as connection:
            applied = migrate(self._road(connection), revision)
        return tuple(applied.statements.get(revision, ()))

    def down(self, revision: str, to: str) -> tuple[str, ...]:
        """Take back to ``to``; give the statements of ``revision``'s downgrade."""
        with connect(self.url, SCRATCH) as connection:
            applied = migrate(self._road(connection), to, "down")
        return tuple(applied.statements.get(revision, ()))

    def _road(self, connection: psycopg.Connection[Any]) -> Road:
        release = self.project.config.release
        path = release.search_path
        return Road(self.project.scripts, connection, self.url, release.version_table, path, SCRATCH)


def replay(project: ReleaseSource, position: Position = ()) -> dict[Position, Recorded]:
    """Replay the whole release once: every revision's snapshot and upgrade statements.

    A revision on a branch is replayed in a database of its own, as is ``position`` where it is between
    branches: with the other branch's revisions there as well, the schema would not be the one it names.
    """
    found: dict[Position, Recorded] = {}
    apart: dict[Position, tuple[str, ...]] = {(): (), position: ()}
    with scratch(project) as url:
        replayer = Replayer(project, url)
        found[()] = Recorded(replayer.snapshot())
        applied: set[str] = set()
        for revision in project.release.revisions:
            statements = replayer.up(revision.id)
            applied.add(revision.id)
            if applied == project.release.ancestors((revision.id,)):
                found[(revision.id,)] = Recorded(replayer.snapshot(), statements)
            else:
                apart[(revision.id,)] = statements
    for place in apart.keys() - found.keys():
        with scratch(project) as url:
            replayer = Replayer(project, url)
            for head in place:
                replayer.up(head)
            found[place] = Recorded(replayer.snapshot(), apart[place])
    return found


def record(project: ReleaseSource) -> dict[str, Recorded]:
    """Replay for the journal: as ``replay``, keyed by revision, with the downgrades walked as well."""
    found = {name[0] if name else BASE: entry for name, entry in replay(project).items()}
    with scratch(project) as url:
        replayer = Replayer(project, url)
        for revision in project.release.revisions:
            replayer.up(revision.id)
        for revision in reversed(project.release.revisions):
            if len(revision.parents) > 1:
                break  # below a merge there is no one path down
            entry = found[revision.id]
            statements = replayer.down(revision.id, revision.parents[0] if revision.parents else "base")
            found[revision.id] = Recorded(entry.snapshot, entry.upgrade, statements)
    return found
