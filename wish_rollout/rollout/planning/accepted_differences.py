"""Differences between an environment and the history that a plan accepts, and how they are described."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.environment.baseline import NO_DELTA, Baseline
from wish_rollout.core.schema.column_order import is_column_move
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_changes
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.change import Change
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.environment_schema import EnvironmentSchema
    from wish_rollout.rollout.project.project import Project


def baseline_after(
    schema: EnvironmentSchema, end: Position, expected: Snapshot | None = None
) -> Baseline | None:
    """Return the baseline that an act which leads to ``end`` records; None if it is recorded already.

    ``expected``: the managed schema after the act; by default the one that the environment must have there.
    """
    history = schema.project.history.at(end)
    after = Baseline(end, difference(history, schema.at(end) if expected is None else expected))
    recorded = schema.state.baseline
    return None if recorded and recorded.accepted == after.accepted == NO_DELTA else after


def describe_differences(schema: EnvironmentSchema) -> tuple[str, ...]:
    """Return the accepted differences of an environment that are not recorded yet, one line for each kind."""
    if schema.state.baseline or not schema.baseline.accepted:
        return ()
    return tuple(describe_changes(schema.baseline.accepted.changes))


def describe_version(project: Project, major: int) -> tuple[str, ...]:
    """Return how the schema is known that a server of a major version must have, if another version recorded it."""
    recorded = project.recorded_major
    if recorded in (0, major):
        return ()
    if project.for_server(major).server_major == major:
        return (f"recorded on PostgreSQL {recorded}, replayed for this server on PostgreSQL {major}",)
    unknown = (
        f"recorded on PostgreSQL {recorded}, and this server is PostgreSQL {major}, where a script may lead to another"
        f" schema; for a replay, name a server of that version as [release] scratch, or install PostgreSQL {major}"
    )
    return (unknown,)


def describe_changes(changes: Iterable[Change]) -> list[str]:
    """Return accepted changes as text: those of the platform, and the tables with another order of columns."""
    changes = list(changes)
    platform = [change for change in changes if not is_column_move(change)]
    lines = [f"accepted baseline: {summarize_changes(platform)}"] if platform else []
    return lines + [describe_order(table) for table in tables_in_other_order(changes)]


def tables_in_other_order(changes: Iterable[Change]) -> list[str]:
    """Return the tables of which only the order of columns differs in these changes."""
    return sorted({split_last(change.name)[0] for change in changes if is_column_move(change)})


def describe_order(table: str) -> str:
    """Return what another order of columns means."""
    return (
        f"column order of {table} differs: visible only in SELECT * and in INSERT without a list of columns"
    )
