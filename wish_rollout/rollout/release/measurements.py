"""The measurements of a release: from this process's own replay, from ``meta/``, or from the replay cache."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.release.measurements import LockSequence, RevisionMeasurements, statement_digest
from wish_rollout.revisions.records.measurement_files import read_measurements, write_measurements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from wish_rollout.core.release.measurements import StatementMeasurement, Way
    from wish_rollout.core.release.release import Release, Revision

CACHE_NAME = ".dagster", "measurements"
"""A folder beside rollout.toml, for the measurements of releases that are not recorded."""
NOTHING_MEASURED = RevisionMeasurements()


class Measurements:
    """What is known of the statements of each revision of a project.

    ``recorded``: the folder ``meta/``. ``root``: the folder of rollout.toml.
    """

    def __init__(self, recorded: Path, root: Path) -> None:
        self.recorded = recorded
        self.cache = root.joinpath(*CACHE_NAME)
        self._replayed: dict[str, RevisionMeasurements] = {}
        self._read: dict[str, RevisionMeasurements] = {}

    def add(self, revision: str, way: Way, statements: Sequence[StatementMeasurement]) -> None:
        """Keep what a replay has measured of one direction of a revision."""
        found = self._replayed.get(revision, NOTHING_MEASURED)
        self._replayed[revision] = (
            replace(found, upgrade=tuple(statements))
            if way == "upgrade"
            else replace(found, downgrade=tuple(statements))
        )

    @property
    def replayed(self) -> Mapping[str, RevisionMeasurements]:
        """What replays of this process have measured, by revision."""
        return self._replayed

    def take(self, replayed: Mapping[str, RevisionMeasurements]) -> None:
        """Keep what a replay of another process has measured."""
        self._replayed.update(replayed)

    def of(self, revision: Revision) -> RevisionMeasurements:
        """Return what was measured of a revision; empty if it was not measured."""
        if revision.id in self._replayed:
            return self._replayed[revision.id]
        if revision.id not in self._read:
            found = read_measurements(self.recorded, revision) or read_measurements(self.cache, revision)
            self._read[revision.id] = found or NOTHING_MEASURED
        return self._read[revision.id]

    def sequence(self, revisions: Sequence[Revision], way: Way) -> LockSequence:
        """Return the lock sequence of revisions that are about to run, in the order in which they run."""
        return LockSequence([(each.id, getattr(self.of(each), way)) for each in revisions])

    def effects(self, scripts: Iterable[tuple[Revision, Iterable[str]]], way: Way) -> list[str]:
        """Return the statements of revisions, with others in place of those whose texts do not show what they do.

        ``scripts``: the revisions and their statements in the order in which they run. Equal texts can do different things,
        one after the other.
        """
        found: list[str] = []
        for revision, statements in scripts:
            sequence = self.sequence([revision], way)
            for text in statements:
                measured = sequence.advance(revision.id, statement_digest(text))
                found += (measured and measured.does) or (text,)
        return found

    def write(self, revisions: Sequence[Revision]) -> None:
        """Write what a replay of this process has measured of the recorded revisions into ``meta/``. Raises OSError."""
        write_measurements(self.recorded, revisions, self._replayed)

    def write_to_cache(self, release: Release) -> None:
        """Write it for the next process; a worker without a writable folder measures again."""
        with suppress(OSError):
            write_measurements(self.cache, release.revisions, self._replayed)
