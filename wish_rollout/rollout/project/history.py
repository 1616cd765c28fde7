"""What history promises: the schema that each position leads to, recorded in ``meta/`` or replayed."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from wish_rollout.core.errors.planning.base_schemas import BeforeBaseSchema
from wish_rollout.core.release.release import format_position
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.extension_versions import pin_versions
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.revisions.records.meta_folder import BASE, MetaFolder
from wish_rollout.revisions.records.revision_record import apply_changes
from wish_rollout.rollout.project.release_code import ReleaseCode
from wish_rollout.rollout.release.release_source import replay_cache

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Json, Key
    from wish_rollout.revisions.records.recorded_schemas import Recorded
    from wish_rollout.revisions.records.revision_record import Record
    from wish_rollout.rollout.release.release_source import ReleaseSource

KEPT = 8
"""So many schemas are kept in memory."""


class History:
    """The promises of one release. What ``meta/`` has is read from there; the rest is replayed, once."""

    def __init__(self, project: ReleaseSource) -> None:
        self.project = project
        self._cache = replay_cache(project)
        is_recorded = project.server_major is None
        self.meta = MetaFolder(project.scripts.folder / "meta" if is_recorded else self._cache / "meta")
        self.meta.check(project.release)
        self.code = ReleaseCode(project, self.meta.folder, self._cache)
        self._replayed: Recorded | None = None
        self._records: dict[str, Record] = {}
        self._known: dict[Position, Snapshot] = {}

    def at(self, position: Position) -> Snapshot:
        """Return the schema that a database at this position has to have.

        Raises ForeignRevision, BeforeBaseSchema, ScriptEdited, InvalidReleaseRecord; and what a replay raises, where one
        is needed.
        """
        if position not in self._known:
            self._refuse_before_start(position)
            snapshot = pin_versions(self._schema(position), self.project.scope_of().pinned_extensions)
            while len(self._known) >= KEPT:
                del self._known[next(iter(self._known))]
            self._known[position] = snapshot
        return self._known[position]

    def record(self, revision: str) -> Record:
        """Return what one revision does; raise as ``at``."""
        if revision not in self._records:
            release = self.project.release
            parents = release.revision(revision).parents
            before = release.ancestors(release.start)
            self._refuse_before_start(parents if revision in before else release.including_start(parents))
            found = self.meta.record(revision) or self._from_replay().records[revision]
            self._records[revision] = found
        return self._records[revision]

    @property
    def postgres(self) -> int:
        """The major version of the server on which the release was rehearsed; 0 if it is not known."""
        if self._replayed:
            return self._replayed.postgres
        return self.meta.postgres or MetaFolder(self._cache).postgres

    def promised(self, start: Position, end: Position) -> Delta:
        """Return the delta that going from one position to another promises."""
        return difference(self.at(start), self.at(end))

    def statements(self, start: Position) -> tuple[str, ...]:
        """Return what a database at ``start`` is sent to bring it to the head, as replayed on empty tables."""
        pending = self.project.release.pending(start)
        return tuple(text for revision in pending for text in self.record(revision.id).upgrade)

    def names(self) -> Iterator[Mapping[Key, Mapping[str, Json]]]:
        """Yield objects that together have the names of all that the recorded history has ever had."""
        before = self.project.release.ancestors(self.base)
        yield self.at(self.base).objects
        for revision in self.project.release.revisions:
            if revision.id in before:
                continue
            record = self.record(revision.id)
            for changes in (record.merged, record.changes):
                yield {key: value for key, value in changes.items() if value is not None}

    @property
    def base(self) -> Position:
        """The position from which on the history is recorded."""
        start = self.project.release.start
        return self.meta.base if self.project.release.includes_start(self.meta.base) else start

    @cached_property
    def positions(self) -> tuple[Position, ...]:
        """The positions from which on the history is recorded, the latest first; all if nothing is recorded."""
        release = self.project.release
        before = release.ancestors(self.base)
        later = (each.id for each in reversed(release.revisions) if each.id not in before)
        single = [release.including_start((name,)) for name in later]
        return tuple(dict.fromkeys([release.head, *single, self.base]))

    def _refuse_before_start(self, position: Position) -> None:
        """Raise ForeignRevision for an unknown revision, and BeforeBaseSchema for one before the first replayed one."""
        release = self.project.release
        for name in position:
            release.revision(name)
        if not release.includes_start(position):
            raise BeforeBaseSchema(format_position(position), format_position(release.start))

    def _schema(self, position: Position) -> Snapshot:
        if len(position) < 2:
            return self._walk(position[0] if position else "")
        return self._between(position)

    def _walk(self, revision: str) -> Snapshot:
        """Apply the recorded changes from the nearest schema that is known."""
        waiting: list[Record] = []
        name, snapshot = revision, None
        while snapshot is None:
            snapshot = self._whole(name)
            if snapshot is None:
                record = self.record(name)
                waiting.append(record)
                name = record.parent
        if not waiting:
            return snapshot
        objects = dict(snapshot.objects)
        for record in reversed(waiting):
            apply_changes(objects, record.merged)
            apply_changes(objects, record.changes)
        return Snapshot(objects, snapshot.readable_properties)

    def _whole(self, name: str) -> Snapshot | None:
        """Return a schema that need not be computed."""
        if (name,) in self._known:
            return self._known[name,]
        if name in self.meta.entries:
            return self.meta.snapshot(name)
        if self.meta.is_recorded and _is_of(name, self.meta.base):
            return self.meta.snapshot(BASE)
        return self._from_replay().start if _is_of(name, self.project.release.start) else None

    def _between(self, position: Position) -> Snapshot:
        """Return the schema at several heads: before a merge, or replayed."""
        for revision in self.project.release.revisions:
            if tuple(sorted(revision.parents)) == position:
                record = self.record(revision.id)
                parent = self._walk(record.parent)
                objects = dict(parent.objects)
                apply_changes(objects, record.merged)
                return Snapshot(objects, parent.readable_properties)
        meta = MetaFolder(self._cache)
        name = "+".join(position)
        found = meta.snapshot(name)
        if found is None:
            from wish_rollout.rollout.replay.replay import read_position

            found = read_position(self.project, position)
            with suppress(OSError):
                meta.write_snapshot(name, found)
        return found

    def _from_replay(self) -> Recorded:
        """Replay the release, and keep what came of it: the next process asks for the same."""
        if self._replayed is None:
            from wish_rollout.rollout.replay.parallel_replay import replay_in_parallel
            from wish_rollout.rollout.replay.replay_report import Report, at_most_each_second

            meta = MetaFolder(self._cache)
            start = meta.snapshot(BASE)
            if start is not None and self._is_cache_complete(meta):
                self._replayed = meta.recorded(start)
            else:
                tell = at_most_each_second(lambda step: self.project.progress(f"replay: {step}"))
                self._replayed = replay_in_parallel(self.project, report=Report(tell))
                with suppress(OSError):  # a worker without a place to write replays each time
                    meta.write(self.project.release, self._replayed)
                self.project.measurements.write_to_cache(self.project.release)
                self.code.write(self._cache)
        return self._replayed

    def _is_cache_complete(self, meta: MetaFolder) -> bool:
        """Return whether the last replay was recorded as a whole, and no file that it used has changed since."""
        return bool(meta.is_recorded or not self.project.release.revisions) and self.code.is_cache_current()


def _is_of(name: str, position: Position) -> bool:
    """Return whether a revision is one of those where the recorded history begins, "" if that is before the first."""
    return name in position if name else not position
