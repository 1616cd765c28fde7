"""Recording what each revision of a line does, while it is walked."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.base import VerificationFailed
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.schema.rollback_differences import unforeseen_after_rollback
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.postgres.changes.snapshot_tracker import Change, SnapshotTracker
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.behaviour import has_verify, run_verify
from wish_rollout.revisions.records.journal import Recorded
from wish_rollout.revisions.records.revision_record import Record, changes_between
from wish_rollout.revisions.runs.history_walk import Ran, Restart, walk
from wish_rollout.rollout.project.recorded_statements import apply_recorded
from wish_rollout.rollout.project.statement_measurement import measure_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wish_rollout.core.release.measurements import Way
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.snapshot import Key
    from wish_rollout.postgres.changes.catalog_changes import Moment
    from wish_rollout.revisions.runs.script_runs import ScriptRun
    from wish_rollout.rollout.project.release_source import ReleaseSource
    from wish_rollout.rollout.project.walk_segments import Segment


@dataclass(frozen=True, slots=True)
class Report:
    """What is reported of a replay while it runs.

    ``progress`` is called with each revision. ``behaviour``: each revision's ``verify()`` is run, and what fails is
    added there; ``None``: they are not run.
    """

    progress: Callable[[str], None] = lambda _: None
    behaviour: list[str] | None = None


def at_most_each_second(progress: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that passes on a message if the last one is a second ago or more."""
    last = time.monotonic()

    def passed_on(message: str) -> None:
        nonlocal last
        if time.monotonic() - last >= 1:
            last = time.monotonic()
            progress(message)

    return passed_on


@dataclass(eq=False)
class ReplayMissed(VerificationFailed):
    """What was read step by step is not what a full read finds: a fault of this program."""

    revision: str
    found: str

    summary = "The schema at revision {revision} was not recorded as it is: {found}."
    explanation = (
        "Each revision's changes were read by themselves, and together they are not the schema that is there."
    )
    hint = "this is a fault of wish-rollout; report it with the script of the revision"


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
        self.merged: dict[Key, tuple[Any, Any]] = {}
        self.parent = segment.parent if segment else ""

    def _merge_from(self, recorded: Recorded) -> None:
        """Note what other branches add to the schema of the first revision's parent."""
        assert self.tracker is not None
        parent, now = recorded.end((self.parent,)).objects, self.tracker.objects
        for key in parent.keys() | now.keys():
            if parent.get(key) != now.get(key):
                self.merged[key] = parent.get(key), now.get(key)

    def run(self, run: ScriptRun, base: Position) -> None:
        """Apply what comes before the line, then record the line.

        Raise ReplayMissed, Restart, NotAsRecordedError, and what ``walk`` raises.
        """
        connection, self.url = run.connection, run.url
        self.postgres = connection.info.server_version // 10000
        before = self.segment.applied if self.segment else self.release.ancestors(base)
        if before:
            self.tracker: SnapshotTracker | None = None
            if scripts := self._order(before - self._apply_recorded(run, before)):
                walk(run, scripts, self)
        self.tracker = SnapshotTracker(connection, self.project.scope_of())
        self.start = self.tracker.snapshot()
        if self.segment:
            if self.segment.parent and before != self.release.ancestors((self.segment.parent,)):
                self._merge_from(self.known or Recorded(base, self.start, self.records, self.postgres))
            with measure_statements(connection, run.url, run.environment) as self.meter:
                for piece in self._pieces(self._route(before)):
                    walk(run, piece, self, self.meter.hooks)
                    self._verify(piece[-1])
            if missed := self.tracker.missed():
                raise ReplayMissed(self.segment.revisions[-1], summarize_delta(missed))

    def _apply_recorded(self, run: ScriptRun, before: frozenset[str]) -> frozenset[str]:
        """Apply those revisions whose statements are known and that come first; return them."""
        if self.known is None or self.segment is None or not self.uses_statements:
            return frozenset()
        parent = self.segment.parent
        applied = self.release.ancestors((parent,)) if parent in before else frozenset()
        order = self._order(before)
        if not applied <= self.known.records.keys() or applied != set(order[: len(applied)]):
            return frozenset()
        if applied:
            self.report.progress(f"the recorded statements up to revision {parent}")
            apply_recorded(run, self.known, order[: len(applied)], (parent,), self.project.scope_of())
        return applied

    def _order(self, revisions: frozenset[str]) -> list[str]:
        return [each.id for each in self.release.revisions if each.id in revisions]

    def _route(self, applied: frozenset[str]) -> list[str]:
        """Return the line's revisions, each after those of its ancestors that are not there yet."""
        there, route = set(applied), []
        assert self.segment is not None
        for name in self.segment.revisions:
            missing = (
                self.release.ancestors((name,)) - there
                if len(self.release.revision(name).parents) > 1
                else {name}
            )
            route += self._order(frozenset(missing))
            there |= missing
        return route

    def begin(self) -> None:
        """Remember the moment before a script."""
        self.mark: Moment | None = self.tracker.mark() if self.tracker else None

    def _pieces(self, route: list[str]) -> Iterator[list[str]]:
        """Give the route in pieces that end where a ``verify()`` has to run, which needs env.py to have ended."""
        piece: list[str] = []
        for name in route:
            piece.append(name)
            if self.report.behaviour is not None and has_verify(self.project.scripts, name):
                yield piece
                piece = []
        if piece:
            yield piece

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
        if self.tracker is None or self.mark is None:
            return
        change = self.tracker.read(self.mark, committed=ran.committed, keep_settings=not ran.ends)
        self.tracker.accept(change)
        if ran.revision not in self.wanted:
            self._merge(change)
            return
        self.up = change
        self._measured(ran.revision, "upgrade")
        self.records[ran.revision] = Record(
            ran.revision,
            self.parent,
            changes_between(change.before, change.after),
            ran.statements,
            irreversible=self.irreversible.get(ran.revision, ""),
            merged={key: pair[1] for key, pair in sorted(self.merged.items()) if pair[0] != pair[1]},
        )
        self.parent, self.merged = ran.revision, {}

    def _measured(self, revision: str, way: Way) -> None:
        """Keep what the statements of a script lock, scan and rewrite."""
        self.project.measurements.add(revision, way, self.meter.take(revision))

    def _merge(self, change: Change) -> None:
        """Add what another branch's revision changes to what is merged before the next revision of the line."""
        for key in change.keys:
            first = self.merged[key][0] if key in self.merged else change.before.get(key)
            self.merged[key] = first, change.after.get(key)

    def downgraded(self, ran: Ran) -> None:
        """Record the statements of a downgrade, and whether it leads back to the schema before the upgrade."""
        assert self.tracker is not None
        assert self.mark is not None
        change = self.tracker.read(self.mark, committed=ran.committed, keep_settings=not ran.ends)
        left = self._left(change)
        reason = ""
        if left:
            reason = (
                f"its downgrade() does not lead back: {left}"
                if ran.statements
                else "its downgrade() is empty"
            )
        if ran.committed:
            self.tracker.accept(change)
        self._measured(ran.revision, "downgrade")
        self._note(ran.revision, ran.statements, reason)

    def repeated(self, ran: Ran) -> None:
        """Take the schema after an upgrade that ran again; raise Restart if it is not what it was at first."""
        assert self.tracker is not None
        assert self.mark is not None
        self.meter.take(ran.revision)
        self.tracker.accept(self.tracker.read(self.mark, committed=ran.committed, keep_settings=True))
        now = {key: self.tracker.objects[key] for key in self.up.after if key in self.tracker.objects}
        if now != self.up.after or any(
            key in self.tracker.objects for key in self.up.before.keys() - now.keys()
        ):
            raise Restart(ran.revision, "after its downgrade() the upgrade leads to another schema")

    def raised(self, revision: str, reason: str, committed: bool) -> None:
        """Record why a downgrade cannot be run; raise Restart if it has left something."""
        if committed:
            raise Restart(revision, reason)
        self._note(revision, (), reason)

    def _note(self, revision: str, statements: tuple[str, ...], reason: str) -> None:
        self.records[revision] = replace(self.records[revision], downgrade=statements, irreversible=reason)

    def _left(self, change: Change) -> str:
        """Return the difference between the schema before the upgrade and the one after the downgrade.

        What a plan of a rollback foresees is left out: see ``unforeseen_after_rollback``.
        """
        assert self.tracker is not None
        keys = self.up.keys | change.keys
        present = self.tracker.objects
        before: dict[Any, Any] = {key: present[key] for key in change.before if key not in self.up.keys}
        before |= self.up.before
        after = {key: present[key] for key in keys - change.keys if key in present}
        after |= change.after
        if before == after:
            return ""
        delta = difference(
            Snapshot(before, self.tracker.readable_properties),
            Snapshot(after, self.tracker.readable_properties),
        )
        unforeseen = unforeseen_after_rollback(delta)
        return summarize_delta(unforeseen) if unforeseen else ""
