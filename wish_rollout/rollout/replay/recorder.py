"""Recording what each revision of a line does, while it is walked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.postgres.changes.snapshot_tracker import SnapshotTracker
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.behaviour import has_verify, run_verify
from wish_rollout.revisions.records.recorded_schemas import Recorded
from wish_rollout.revisions.records.revision_record import Record
from wish_rollout.revisions.runs.history_walk import walk
from wish_rollout.revisions.runs.walk_visitor import Ran, Restart
from wish_rollout.rollout.replay.branch_changes import EnvChanges, MergedChanges, what_downgrade_left
from wish_rollout.rollout.replay.recorded_statements import apply_recorded
from wish_rollout.rollout.replay.replay_report import ReplayMissed, Report
from wish_rollout.rollout.replay.statement_measurement import measure_statements
from wish_rollout.rollout.replay.walk_segments import in_order, pieces, route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.release.measurements import Way
    from wish_rollout.core.release.release import Position
    from wish_rollout.postgres.changes.snapshot_change import Change
    from wish_rollout.postgres.changes.written_rows import Moment
    from wish_rollout.revisions.runs.run_parameters import ScriptRun
    from wish_rollout.rollout.release.release_source import ReleaseSource
    from wish_rollout.rollout.replay.walk_segments import Segment


class Recorder:
    """A visitor that records each revision's changes, statements, and whether its downgrade leads back.

    ``known``: what is known of the revisions before the line. ``uses_statements``: execute their statements instead of
    their scripts.
    """

    def __init__(
        self,
        project: ReleaseSource,
        segment: Segment | None,
        records: dict[str, Record],
        irreversible: Mapping[str, str],
        report: Report,
    ) -> None:
        self.project = project
        self.release = project.release
        self.segment = segment
        self.records = records
        self.irreversible = irreversible
        self.report = report
        self.known: Recorded | None = None
        self.uses_statements = True
        self.wanted = frozenset(segment.revisions if segment else ())
        self.places = {each.id: place for place, each in enumerate(self.release.revisions, start=1)}
        self.merged = MergedChanges()
        self.parent = segment.parent if segment else ""
        self.mark: Moment | None = None
        self.kept_by_env = ""

    def run(self, run: ScriptRun, base: Position) -> None:
        """Apply what comes before the line, then record the line.

        Raise ReplayMissed, Restart, NotAsRecordedError, and what ``walk`` raises.
        """
        connection, self.url = run.connection, run.url
        self.postgres = connection.info.server_version // 10000
        before = self.segment.applied if self.segment else self.release.ancestors(base)
        if before:
            self.tracker: SnapshotTracker | None = None
            before_scripts = self._apply_recorded(run, before) | self.release.ancestors(self.release.start)
            if scripts := in_order(self.release, before - before_scripts):
                walk(run, scripts, self)
        self.tracker = SnapshotTracker(connection, self.project.scope_of())
        self.start = self.tracker.snapshot()
        self.env = EnvChanges(self.tracker)
        if self.segment:
            if self.segment.parent and before != self.release.ancestors((self.segment.parent,)):
                recorded = self.known or Recorded(base, self.start, self.records, self.postgres)
                self.merged.compare(recorded.end((self.parent,)).objects, self.tracker.objects)
            with measure_statements(connection, run.url, run.environment) as self.meter:
                for piece in pieces(route(self.release, self.segment, before), self._ends_piece):
                    self.env.expect(self.mark)
                    walk(run, piece, self, self.meter.hooks)
                    self._verify(piece[-1])
            if missed := self.tracker.missed():
                raise ReplayMissed(self.segment.revisions[-1], summarize_delta(missed))

    def _apply_recorded(self, run: ScriptRun, before: frozenset[str]) -> frozenset[str]:
        """Apply those revisions whose statements are known and that come first; return them."""
        if self.known is None or self.segment is None or not self.uses_statements:
            return frozenset()
        parent = self.segment.parent
        there = self.release.ancestors(self.release.start)
        applied = self.release.ancestors((parent,)) - there if parent in before else frozenset()
        order = in_order(self.release, before - there)
        if not applied <= self.known.records.keys() or applied != set(order[: len(applied)]):
            return frozenset()
        if applied:
            self.report.progress(f"the recorded statements up to revision {parent}")
            apply_recorded(run, self.known, order[: len(applied)], (parent,), self.project.scope_of())
        return applied

    def begin(self) -> None:
        """Remember the moment before a script."""
        if self.tracker:
            self.env.read()
            self.mark = self.tracker.mark()

    def _ends_piece(self, revision: str) -> bool:
        """Whether a ``verify()`` has to run after a revision, which needs env.py to have ended."""
        return self.report.behaviour is not None and has_verify(self.project.scripts, revision)

    def _verify(self, revision: str) -> None:
        """Run the revision's ``verify()`` over a session of its own, and note what fails."""
        if self.report.behaviour is None or revision not in self.wanted:
            return
        scripts, search_path = self.project.scripts, self.project.config.release.search_path
        with connect(self.url, "the scratch database") as connection:
            if failure := run_verify(scripts, connection, revision, search_path):
                self.report.behaviour.append(failure)

    def wants_downgrade(self, revision: str) -> bool:
        """Whether the revision is of the line, and its downgrade may be tried."""
        return self.tracker is not None and revision in self.wanted and revision not in self.irreversible

    def upgraded(self, ran: Ran) -> None:
        """Record a revision of the line; another branch's is what is merged before the next one."""
        place = self.places[ran.revision]
        self.report.progress(f"revision {ran.revision} ({place} of {len(self.places)})")
        if self.tracker is None:
            return
        change = self._read(ran, keep_settings=not ran.ends)
        self.tracker.accept(change)
        self.up = change
        changes, self.kept_by_env = self.env.take_with(change)
        if ran.revision not in self.wanted:
            self.merged.add(*changes)
            return
        self._measured(ran.revision, "upgrade")
        self.records[ran.revision] = Record(
            ran.revision,
            self.parent,
            MergedChanges(*changes).changes(),
            ran.statements,
            irreversible=self.irreversible.get(ran.revision, ""),
            merged=self.merged.changes(),
        )
        self.parent, self.merged = ran.revision, MergedChanges()

    def _read(self, ran: Ran, *, keep_settings: bool) -> Change:
        """Read what a script has changed since ``begin``."""
        assert self.tracker is not None
        assert self.mark is not None
        own = not ran.committed
        return self.tracker.read(self.mark, committed=ran.committed, own=own, keep_settings=keep_settings)

    def _measured(self, revision: str, way: Way) -> None:
        """Keep what the statements of a script lock, scan and rewrite."""
        self.project.measurements.add(revision, way, self.meter.take(revision))

    def downgraded(self, ran: Ran) -> None:
        """Record the statements of a downgrade, and whether it leads back to the schema before the upgrade."""
        assert self.tracker is not None
        change = self._read(ran, keep_settings=not ran.ends)
        left = what_downgrade_left(self.tracker, self.up, change)
        wrong = (
            f"its downgrade() does not lead back: {left}" if ran.statements else "its downgrade() is empty"
        )
        if ran.committed:
            self.tracker.accept(change)
        self._measured(ran.revision, "downgrade")
        self._note(ran.revision, ran.statements, wrong if left else "")

    def repeated(self, ran: Ran) -> None:
        """Take the schema after an upgrade that ran again; raise Restart if it is not what it was at first."""
        assert self.tracker is not None
        self.meter.take(ran.revision)
        self.tracker.accept(self._read(ran, keep_settings=True))
        objects = self.tracker.objects
        now = Snapshot({key: objects[key] for key in self.up.after if key in objects})
        # a column that was dropped and added again has another number (manual, pg_attribute, attnum)
        if now != Snapshot(self.up.after) or (self.up.before.keys() - self.up.after.keys()) & objects.keys():
            raise Restart(ran.revision, "after its downgrade() the upgrade leads to another schema")

    def raised(self, revision: str, reason: str, committed: bool) -> None:
        """Record why a downgrade cannot be run; raise Restart if it has left something."""
        if committed:
            raise Restart(revision, reason)
        self._note(revision, (), reason)

    def _note(self, revision: str, statements: tuple[str, ...], reason: str) -> None:
        reason = reason or self.kept_by_env
        self.records[revision] = replace(self.records[revision], downgrade=statements, irreversible=reason)
