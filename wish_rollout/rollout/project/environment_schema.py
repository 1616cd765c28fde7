"""The schema that one environment must have at each position, compared with the schema that it has."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from wish_rollout.core.environment.baseline import Baseline, apply_baseline, find_baseline
from wish_rollout.core.plan.verdict import DriftAssessment, assess_drift, nearest_position
from wish_rollout.core.schema.column_order import follow_column_order
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta import DeltaDoesNotFit
from wish_rollout.core.schema.inheritance import unfold_inherited
from wish_rollout.rollout.project.positions_by_objects import positions_with_objects_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.environment.unmanaged_objects import ManagedSchema
    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.project import Project


class EnvironmentSchema:
    """The history's schemas with the environment's baseline, and the managed part of its live schema.

    ``baseline``: used instead of the recorded one, for an adoption.
    """

    def __init__(self, project: Project, state: DatabaseState, baseline: Baseline | None = None) -> None:
        self.project = project.for_server(state.facts.major)
        self.state = state
        self._chosen = baseline

    @property
    def position(self) -> Position:
        """The position that the version table names."""
        return self.state.facts.revisions

    @cached_property
    def is_known(self) -> bool:
        """Whether the version table names a position of the release."""
        return self.project.release.is_position(self.position)

    @cached_property
    def managed(self) -> ManagedSchema:
        """The managed part of the live schema, and the unmanaged objects to report."""
        return self.project.select_managed(self.state.snapshot)

    @property
    def live(self) -> Snapshot:
        """The managed part of the live schema."""
        return self.managed.snapshot

    @cached_property
    def baseline(self) -> Baseline:
        """The environment's baseline: the recorded one, or else the differences that a platform explains."""
        return (
            self._chosen
            or self.state.baseline
            or self.baseline_at(self.position if self.is_known else self.project.history.base)
        )

    def baseline_at(self, position: Position, *, any_order: bool = False) -> Baseline:
        """Return the baseline of a database that has the schema of a position, as found in the live schema."""
        history, ancestors = self.project.history, self.project.release.ancestors
        base = history.base if ancestors(position) >= ancestors(history.base) else ()
        return find_baseline(position, history.at(base), history.at(position), self.live, any_order=any_order)

    @cached_property
    def remedy_position(self) -> Position:
        """The position to whose schema a remedy leads: that of the version table, or else the most similar one.

        Also if the version table is empty, because a row that was lost would otherwise mean that all is to be dropped.
        """
        if self.is_known and self.position:
            return self.position
        return nearest_position(self.project.history.positions, self.at, self.live)[0]

    @property
    def has_only_acceptable_differences(self) -> bool:
        """Return whether the live schema differs from the history's only by a platform's objects and column orders."""
        explained = self.baseline_at(self.position, any_order=True).accepted
        return explained == difference(self.project.history.at(self.position), self.live)

    @cached_property
    def _recorded_at(self) -> Snapshot:
        position, history = self.baseline.position, self.project.history
        return history.at(position if self.project.release.is_position(position) else history.base)

    def at(self, position: Position) -> Snapshot:
        """Return the schema that the environment must have at a position."""
        promise = self.project.history.at(position)
        if self.baseline.accepted:
            promise = apply_baseline(promise, self.baseline, self._recorded_at)
            promise = self.project.select_managed(promise).snapshot
        tables = None if self.project.allows_positions(position) else self.baseline.reordered_tables
        if tables is not None and not tables:
            return promise
        return follow_column_order(promise, self.live, tables, self.former_names(position))

    @property
    def is_on_replayed_path(self) -> bool:
        """Whether the database has applied its revisions in the order in which a replay applies them."""
        release = self.project.release
        applied = release.ancestors(self.position)
        return applied == {revision.id for revision in release.revisions[: len(applied)]}

    def former_names(self, position: Position) -> Mapping[str, str]:
        """Return the columns that revisions rename between the current position and another one: new name → old."""
        if not self.is_known or position == self.position:
            return {}
        return former_names(self.project.history.promised(self.position, position))

    def promised(self, start: Position, end: Position) -> Delta:
        """Return the delta that the revisions between two positions must produce in this environment."""
        return difference(self.at(start), self.at(end))

    def assess(self) -> DriftAssessment:
        """Return the verdict on the environment."""
        positions = self.project.history.positions
        return assess_drift(self.project.release, self.state, self.at, self.managed, positions)

    def find_adoptable(self) -> Baseline | None:
        """Return the baseline at the latest position whose schema the live one is, whatever the version table names.

        Differences that a platform explains and the order of columns do not count. None if there is no position.
        """
        for position in positions_with_objects_of(self.project.history, self.live):
            baseline = self.baseline_at(position, any_order=True)
            if baseline.accepted == difference(self.project.history.at(position), self.live):
                return baseline
        return None


def without_baseline(schema: EnvironmentSchema, drift: Delta) -> Snapshot:
    """Return the managed live schema without the environment's baseline: the history's schema with the drift.

    Where the drift concerns the baseline itself, the managed live schema is returned.
    """
    if not schema.baseline.accepted and not schema.project.allows_positions(schema.position):
        return schema.live
    try:
        return drift.apply(schema.project.history.at(schema.position))
    except DeltaDoesNotFit:
        return schema.live


def former_names(delta: Delta) -> dict[str, str]:
    """Return the columns that a delta renames: new name → old name."""
    return {
        change.properties["name"][1]: change.name
        for change in unfold_inherited(delta.changes)
        if change.change == "renamed"
    }
