"""The schema that a rollback leads to, where that is not exactly the schema of its target revision.

A column that a downgrade adds again is the last one of its table (manual, ALTER TABLE, ADD COLUMN). A downgrade may
leave an extension, because other objects of the database may use it. Neither is a failure of the rollback.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.schema.column_order import follow_column_order
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.core.text.sql_tokens import tokenize_statements
from wish_rollout.rollout.planning.accepted_differences import tables_in_other_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.snapshot import Key
    from wish_rollout.rollout.project.environment_schema import EnvironmentSchema
    from wish_rollout.rollout.project.project import Project

_measured: dict[tuple[str, Position, Position], Snapshot | None] = {}
"""Schemas that rehearsed rollbacks led to, by release, start and end. A plan is made several times in one run."""


@dataclass(frozen=True, slots=True)
class RollbackResult:
    """The managed schema after a rollback, and how it differs from the schema of the target, as text."""

    expected: Snapshot
    notes: tuple[str, ...] = ()


def rollback_result(schema: EnvironmentSchema, end: Position) -> RollbackResult:
    """Return the schema that a rollback from the current position to ``end`` leads to in this environment.

    A rollback that adds several columns to an existing table, or one before others, or may leave an extension, is
    rehearsed on a scratch database.
    """
    target, start = schema.at(end), schema.position
    followed = follow_column_order(target, schema.live, former_names=schema.former_names(end))
    tables = (
        set(tables_in_other_order(difference(target, followed).changes)) - schema.baseline.reordered_tables
    )
    extensions = {key for key in schema.live.objects if key[0] == "extension" and key not in target.objects}
    is_certain = not tables and not _adds_several(target, schema.live, schema.former_names(end))
    if is_certain and (not extensions or _drops_extensions(schema, end)):
        return RollbackResult(target)
    measured = measure_rollback(schema.project, start, end)
    if measured is not None:
        history = schema.project.history.at(end)
        tables = set(tables_in_other_order(difference(history, measured).changes))
        extensions = {key for key in extensions if key in measured.objects and key not in history.objects}
    tables |= schema.baseline.reordered_tables
    expected = follow_column_order(target, schema.live, tables, schema.former_names(end), measured)
    new = tables_in_other_order(difference(target, expected).changes)
    expected = _with_extensions(expected, schema.live, extensions)
    notes = describe_last_columns(new)
    notes += [f"the rollback leaves the extension {name}" for _, name in sorted(extensions)]
    return RollbackResult(expected, tuple(notes))


def _adds_several(target: Snapshot, live: Snapshot, former_names: Mapping[str, str]) -> bool:
    """Return whether a table gets several columns, of which the downgrade determines the order."""
    new = (
        split_last(name)[0]
        for name, _ in target.of_kind("column")
        if ("column", former_names.get(name, name)) not in live.objects
    )
    return any(number > 1 and ("table", table) in live.objects for table, number in Counter(new).items())


def describe_last_columns(tables: Iterable[str]) -> list[str]:
    """Return a note for each table to which a rollback adds columns again."""
    return [
        f"columns that the rollback adds to {table} again are its last ones: PostgreSQL cannot insert a column"
        " between others; visible only in SELECT * and in INSERT without a list of columns"
        for table in tables
    ]


def _with_extensions(snapshot: Snapshot, live: Snapshot, keys: Iterable[Key]) -> Snapshot:
    left = {key: live.objects[key] for key in keys}
    return Snapshot({**snapshot.objects, **left}, snapshot.readable_properties) if left else snapshot


def _drops_extensions(schema: EnvironmentSchema, end: Position) -> bool:
    """Return whether the downgrades contain DROP EXTENSION, so that no extension is left."""
    history = schema.project.history
    reverted = schema.project.release.revisions_to_revert(schema.position, end)
    return any(
        tokens[:2] == ("drop", "extension")
        for revision in reverted
        for text in history.record(revision.id).downgrade
        for tokens in tokenize_statements(text)
    )


def measure_rollback(project: Project, start: Position, end: Position) -> Snapshot | None:
    """Return the schema of a scratch database that was migrated to ``start`` and rolled back to ``end``.

    None if there is no scratch server, or if ``start`` is not one revision.
    """
    from wish_rollout.rollout.replay.replayer import Replayer
    from wish_rollout.rollout.servers.scratch import scratch

    key = (project.release.name, start, end)
    if key not in _measured and len(start) == 1 and len(end) < 2:
        try:
            with scratch(project) as url:
                replayer = Replayer(project, url)
                replayer.up_to(start)
                replayer.down(start[0], end[0] if end else "base")
                _measured[key] = replayer.snapshot()
        except RolloutError:
            return None
    return _measured.get(key)
