"""Replaying the scripts on a scratch database, to read off what they really do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.catalog.database_state import read_database_state
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.history_walk import Restart, walk
from wish_rollout.revisions.journal import Recorded
from wish_rollout.revisions.script_runs import ScriptRun, migrate
from wish_rollout.rollout.project.base_schema import SCRATCH
from wish_rollout.rollout.project.recorder import Recorder, Report
from wish_rollout.rollout.project.scratch import scratch
from wish_rollout.rollout.project.walk_segments import segments

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.revisions.revision_record import Record
    from wish_rollout.rollout.project.release_source import ReleaseSource
    from wish_rollout.rollout.project.walk_segments import Segment

QUIET = Report()


class Replayer:
    """A scratch database on which revisions go up and down."""

    def __init__(self, project: ReleaseSource, url: str) -> None:
        self.project = project
        self.url = url

    def snapshot(self) -> Snapshot:
        """Read what is there now."""
        with connect(self.url, SCRATCH) as connection:
            return read_database_state(connection, self.project.scope_of()).snapshot

    def up_to(self, position: Position) -> None:
        """Apply all revisions up to a position, each in a transaction of its own; nothing is read."""
        applied = self.project.release.ancestors(position)
        order = [each.id for each in self.project.release.revisions if each.id in applied]
        with connect(self.url, SCRATCH) as connection:
            walk(self.script_run(connection), order, Unread())

    def up(self, revision: str) -> tuple[str, ...]:
        """Apply up to this revision; return the statements of it."""
        with connect(self.url, SCRATCH) as connection:
            applied = migrate(self.script_run(connection), revision)
        return tuple(applied.statements.get(revision, ()))

    def down(self, revision: str, to: str) -> tuple[str, ...]:
        """Take back to ``to``; return the statements of ``revision``'s downgrade."""
        with connect(self.url, SCRATCH) as connection:
            applied = migrate(self.script_run(connection), to, "down")
        return tuple(applied.statements.get(revision, ()))

    def script_run(self, connection: psycopg.Connection[Any]) -> ScriptRun:
        """Return what a run of the scripts needs."""
        release = self.project.config.release
        path = release.search_path
        return ScriptRun(self.project.scripts, connection, self.url, release.version_table, path, SCRATCH)


class Unread:
    """A visitor that only lets the scripts run."""

    def begin(self) -> None:
        """Prepare nothing."""

    def wants_downgrade(self, _revision: str) -> bool:
        """No downgrade is tried."""
        return False

    def upgraded(self, _ran: Any) -> None:
        """Read nothing."""

    downgraded = repeated = upgraded

    def raised(self, _revision: str, _reason: str, committed: bool) -> None:
        """Do nothing: no downgrade is tried."""


def replay(
    project: ReleaseSource,
    base: Position = (),
    heads: Position | None = None,
    report: Report = QUIET,
) -> Recorded:
    """Replay the release once, and return what each revision after ``base`` does.

    ``heads``: replay only up to there. Raises what an upgrade
    raises; what keeps a downgrade from being used is recorded.
    """
    release = project.release
    wanted = release.ancestors(release.head if heads is None else heads) - release.ancestors(base)
    parts = segments(release, base, wanted)
    records: dict[str, Record] = {}
    kept: dict[str, Any] = {}
    for part in parts or (None,):
        found = replay_segment(project, part, (base, kept.get("start")), records, report)
        kept.setdefault("start", found.start)
        kept["postgres"] = found.postgres
    order = [each.id for each in release.revisions if each.id in records]
    return Recorded(base, kept["start"], {name: records[name] for name in order}, kept["postgres"])


def read_position(project: ReleaseSource, position: Position) -> Snapshot:
    """Replay up to a position, and return the schema there."""
    with scratch(project) as url:
        replayer = Replayer(project, url)
        replayer.up_to(position)
        return replayer.snapshot()


def replay_segment(
    project: ReleaseSource,
    part: Segment | None,
    base: tuple[Position, Snapshot | None],
    records: dict[str, Record],
    report: Report,
) -> Recorder:
    """Replay one line of revisions on a database of its own, and add what they do to ``records``.

    It is started again, without that downgrade, where a downgrade has left something that cannot be taken back. The
    downgrade of a revision that is declared irreversible is not run.
    """
    from wish_rollout.revisions.declarations import IRREVERSIBLE, declared_reasons

    names = [revision.id for revision in project.release.revisions]
    irreversible = dict(declared_reasons(project.scripts, IRREVERSIBLE, names))
    while True:
        recorder = Recorder(project, part, records, irreversible, report)
        try:
            with scratch(project) as url, connect(url, SCRATCH) as connection:
                recorder.run(Replayer(project, url).script_run(connection), *base)
        except Restart as restart:
            irreversible[restart.revision] = restart.reason
            continue
        return recorder
