"""Checks whether a database is at a position of the release, and has its schema; the errors name the next command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.environment.baseline import PLATFORM_KINDS
from wish_rollout.core.errors.planning.base_schemas import BaseSchemaMissing, EnvironmentBeforeBase
from wish_rollout.core.errors.planning.drift import (
    AdoptionUnnecessary,
    BaselineChanged,
    ColumnOrderDiffers,
    ColumnOrderWouldDiffer,
    InvalidIndexesLeft,
    RedundantVersionRows,
)
from wish_rollout.core.errors.planning.plans import (
    SchemaAhead,
    SchemaBehind,
    SchemaDrifted,
    SchemaDriftedAtHead,
    SchemaNotAdoptable,
)
from wish_rollout.core.errors.releases import ForeignEnvironment
from wish_rollout.core.errors.version_tables import DuplicateVersionRows
from wish_rollout.core.plan.action import Action
from wish_rollout.core.plan.verdict import Verdict, nearest_position
from wish_rollout.core.release.release import format_position
from wish_rollout.core.schema.column_order import follow_column_order, is_column_move
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.rollout.planning.accepted_differences import tables_in_other_order
from wish_rollout.rollout.release.base_schema import base_path

if TYPE_CHECKING:
    from wish_rollout.config import Environment
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.environment_schema import EnvironmentSchema
    from wish_rollout.rollout.project.project import Project


def refuse_position(env: Environment, position: Position, project: Project) -> None:
    """Raise if the rows of the version table are not a position of the release.

    Raises ForeignEnvironment for an unknown revision, DuplicateVersionRows for two equal rows, and RedundantVersionRows
    if a row is an ancestor of another.
    """
    refuse_foreign(env, position, project)
    for name in position:
        if position.count(name) > 1:
            raise DuplicateVersionRows(env.name, name)
        others = tuple(other for other in position if other != name)
        if name in project.release.ancestors(others):
            raise RedundantVersionRows(env.name, ", ".join(position), name, " and ".join(others))


def refuse_foreign(env: Environment, position: Position, project: Project) -> None:
    """Raise if the database is at no revision of the release.

    Raises ForeignEnvironment for an unknown one, and EnvironmentBeforeBase for one before the recorded history.
    """
    known = {revision.id for revision in project.release.revisions}
    unknown = next((name for name in position if name not in known), None)
    if unknown is not None:
        raise ForeignEnvironment(unknown, format_position(project.release.head), env.name)
    release = project.release
    if not release.includes_start(position):
        path = str(base_path(project.scripts.folder))
        raise EnvironmentBeforeBase(env.name, format_position(position), format_position(release.start), path)


def refuse_adoption(env: Environment, plan: EnvironmentPlan, schema: EnvironmentSchema) -> None:
    """Raise SchemaNotAdoptable if an adoption is planned and the schema is not that of any position.

    The error shows the difference from the most similar position. Raises AdoptionUnnecessary if the version table
    already names the position of the schema.
    """
    if plan.action is not Action.ADOPT or plan.adopted is not None:
        return
    if not schema.is_known or schema.assess().drift:
        history = schema.project.history
        nearest, drift = nearest_position(history.positions, history.at, schema.live)
        raise SchemaNotAdoptable(env.name, format_position(nearest), summarize_delta(drift))
    raise AdoptionUnnecessary(env.name, format_position(schema.position))


def refuse_drift(environment: str, schema: EnvironmentSchema) -> None:
    """Raise if the live schema is not the schema of the database's revision.

    Raises SchemaAhead, SchemaBehind, BaselineChanged, BaseSchemaMissing, ColumnOrderDiffers, InvalidIndexesLeft,
    SchemaDrifted.
    """
    assessment = schema.assess()
    position = format_position(schema.position)
    if assessment.verdict is Verdict.AHEAD:
        raise SchemaAhead(environment, position, format_position(assessment.schema_position or ()))
    if assessment.verdict is Verdict.DRIFTED:
        only_moves = all(map(is_column_move, assessment.drift.changes))
        if schema.has_only_acceptable_differences and not only_moves:
            raise BaselineChanged(environment, position, summarize_delta(assessment.drift))
        if not only_moves and (earlier := earlier_position(schema)) is not None:
            raise SchemaBehind(environment, position, format_position(earlier))
        refuse_without_base(environment, schema)
        at_head = schema.position == schema.project.release.head
        raise drift_error(environment, position, assessment.drift, schema.live, at_head=at_head)


def refuse_without_base(environment: str, schema: EnvironmentSchema) -> None:
    """Raise BaseSchemaMissing if no revision was applied, and the database has only what a platform creates.

    There is no ``meta/base.sql`` where the revisions create everything.
    """
    base = base_path(schema.project.scripts.folder)
    is_empty = all(kind in PLATFORM_KINDS for kind, _ in schema.live.objects)
    if not schema.position and is_empty and base.is_file():
        raise BaseSchemaMissing(environment, str(base))


def earlier_position(schema: EnvironmentSchema) -> Position | None:
    """Return the position before the current one whose schema the live one is; None if there is none."""
    found = schema.find_adoptable()
    if found is None or found.position == schema.position:
        return None
    is_earlier = set(found.position) <= schema.project.release.ancestors(schema.position)
    return found.position if is_earlier else None


def drift_error(
    environment: str, position: str, drift: Delta, live: Snapshot, *, at_head: bool
) -> ColumnOrderDiffers | InvalidIndexesLeft | SchemaDrifted:
    """Return the error for drift, by what has drifted: its hint is the command that resolves this drift."""
    if all(map(is_column_move, drift.changes)):
        return ColumnOrderDiffers(environment, position, ", ".join(tables_in_other_order(drift.changes)))
    if left := _invalid_indexes_left(environment, drift, live):
        return left
    error = SchemaDriftedAtHead if at_head else SchemaDrifted
    return error(environment, position, summarize_delta(drift))


def refuse_invalid_indexes(environment: str, schema: EnvironmentSchema) -> None:
    """Raise InvalidIndexesLeft if the only drift is invalid indexes.

    Such an index has the name of one that a pending revision creates, but it is no conflict with somebody's object.
    """
    drift = schema.assess().drift
    if drift and (left := _invalid_indexes_left(environment, drift, schema.live)):
        raise left


def _invalid_indexes_left(environment: str, drift: Delta, live: Snapshot) -> InvalidIndexesLeft | None:
    invalid = [
        change.name
        for change in drift.changes
        if (change.kind, change.change) == ("index", "added")
        and change.properties.get("invalid", (None, None))[1]
    ]
    if len(invalid) < len(drift.changes):
        return None
    statements = "; ".join(drop_index(live, name) for name in invalid)
    return InvalidIndexesLeft(environment, ", ".join(invalid), statements)


def drop_index(live: Snapshot, name: str) -> str:
    """Return the statement that drops an index; that of a partitioned table cannot be dropped CONCURRENTLY (manual)."""
    table = live.objects["index", name]["table"]
    is_partitioned = "partition by" in live.objects.get(("table", table), {})
    return f"DROP INDEX {name}" if is_partitioned else f"DROP INDEX CONCURRENTLY {name}"


def refuse_column_order(
    environment: str, schema: EnvironmentSchema, end: Position, *, has_drift: bool = False
) -> None:
    """Raise ColumnOrderWouldDiffer if a migration to ``end`` would give other column orders than the history has.

    That happens where branches were merged in another order than this database has applied them: a new column is
    always the last one of its table. ``has_drift``: the plan starts from a schema that has later columns already.
    """
    if (schema.is_on_replayed_path and not has_drift) or schema.project.allows_positions(end):
        return
    planned = schema.project.history.at(end)
    followed = follow_column_order(planned, schema.live, former_names=schema.former_names(end))
    tables = tables_in_other_order(difference(planned, followed).changes)
    if new := [table for table in tables if table not in schema.baseline.reordered_tables]:
        raise ColumnOrderWouldDiffer(environment, format_position(end), ", ".join(new))
