"""Recording the live schema of an environment as the schema that replays begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.planning.base_schemas import BaseSchemaNotRecorded
from wish_rollout.core.errors.releases import ForeignEnvironment
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.release.release import format_position
from wish_rollout.postgres.catalog.used_extensions import read_used_extensions
from wish_rollout.postgres.records.version_table import version_table_statements
from wish_rollout.rollout.project.base_schema_rehearsal import (
    creating_statements,
    read_schema,
    rehearse_schema,
    reverted_schema,
    without_platform,
)
from wish_rollout.rollout.project.earlier_schemas import LiveSchema, earliest_schema
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema
from wish_rollout.rollout.release.base_schema import (
    HEADER,
    HEADER_AT_REVISION,
    base_path,
    find_revision_aside,
)
from wish_rollout.rollout.servers.scratch import empty_scratch

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.release.release import Position
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.release.release_source import ReleaseSource
    from wish_rollout.rollout.servers.target import Target


@dataclass(frozen=True, slots=True)
class RecordedBase:
    """What was recorded as the schema that replays begin with.

    ``revision``: the one whose schema it is; empty if it is the schema before the first one. ``reason``: why it is not.
    """

    path: Path
    revision: str = ""
    reason: str = ""


def record_missing_base(project: Project, target: Target) -> RecordedBase | None:
    """Record the schema that replays begin with if the revisions alone do not lead to the environment's schema.

    Returns None if nothing is missing. Raises ForeignEnvironment, and what ``record_base`` raises.
    """
    state = target.read_database_state()
    position, release = state.facts.revisions, project.scripts.release
    if not release.is_position(position):
        unknown = next((name for name in position if name not in release.by_id), format_position(position))
        raise ForeignEnvironment(unknown, format_position(release.head), target.name)
    try:
        verdict = EnvironmentSchema(project, state).assess().verdict
    except RolloutError:  # a revision needs what was there before the first one
        verdict = Verdict.DRIFTED
    missing = verdict in (Verdict.DRIFTED, Verdict.FOREIGN)  # FOREIGN: before the revision that is recorded
    return record_base(project, target, state) if missing else None


def record_base(project: ReleaseSource, target: Target, state: DatabaseState | None = None) -> RecordedBase:
    """Record the schema that an environment had before the first revision, or that it has at its revision.

    ``state``: that of the environment, if it was read already. The downgrades of its revisions are executed on a copy of
    its schema. If they do not lead to one from which the upgrades lead back, the schema of the earliest revision is
    recorded from which they do, at the latest that of its own. What a
    platform creates in an empty database is left out: it is the environment's baseline. Extensions that the schema uses
    are created, unless they are there. The statements are executed and compared on a scratch database, before the file
    is written. Raises BaseSchemaNotRecorded, ScratchConnectionLost.
    """
    state = state or target.read_database_state()
    with empty_scratch(project) as url:
        empty = read_schema(project, url)
    with target.connect() as connection:
        used = read_used_extensions(connection)
    position, live = state.facts.revisions, without_platform(empty, state.snapshot, used)
    statements = creating_statements(empty, live, target, state.facts.major)
    found, recorded = RecordedBase(base_path(project.scripts.folder)), statements
    try:
        if position:
            base = reverted_schema(project, target, statements, position, empty)
            recorded = creating_statements(empty, base, target, state.facts.major)
        rehearse_schema(project, target, recorded, live, position)
    except BaseSchemaNotRecorded as error:
        if not position:
            raise
        _refuse_branches(project, target, position, error.parts)
        copy = LiveSchema(position, live, empty, statements, state.facts.major)
        found, recorded = _record_later(project, target, found.path, copy, error.parts)
    header = HEADER_AT_REVISION.format(found.revision) if found.revision else HEADER
    found.path.parent.mkdir(parents=True, exist_ok=True)
    found.path.write_text(header + "".join(f"{statement};\n" for statement in recorded), encoding="utf-8")
    return found


def _record_later(
    project: ReleaseSource, target: Target, path: Path, live: LiveSchema, reason: str
) -> tuple[RecordedBase, list[str]]:
    """Return the earliest schema that the downgrades lead to, or the live one, with the statements that create it."""
    if len(live.position) == 1 and (earlier := earliest_schema(project, target, live)):
        revision, recorded = earlier
        return RecordedBase(path, revision, reason), recorded
    table = project.config.release.version_table
    recorded = [*live.statements, *version_table_statements(table, live.position)]
    rehearse_schema(project, target, recorded, live.schema)
    return RecordedBase(path, format_position(live.position), reason), recorded


def _refuse_branches(project: ReleaseSource, target: Target, position: Position, reason: str) -> None:
    """Raise BaseSchemaNotRecorded unless each revision comes before a position or after it."""
    if aside := find_revision_aside(project.scripts.release, position):
        raise BaseSchemaNotRecorded(
            target.name, f"{reason}; revision {aside} does not come after {format_position(position)}"
        )
