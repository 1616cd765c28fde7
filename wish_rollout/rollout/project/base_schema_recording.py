"""Recording the live schema of an environment as the schema before the first revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from wish_rollout.core.environment.baseline import PLATFORM_KINDS, find_baseline
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.planning.drift import BaseSchemaNotRecorded
from wish_rollout.core.errors.releases import ForeignEnvironment
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.release.release import format_position
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.schema.names import schema_of
from wish_rollout.postgres.catalog.used_extensions import read_used_extensions
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.records.version_table import set_revisions
from wish_rollout.postgres.sessions.connections import connect, execute_statements
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema
from wish_rollout.rollout.release.base_schema import HEADER, SCRATCH, base_path
from wish_rollout.rollout.replay.replayer import Replayer
from wish_rollout.rollout.servers.scratch import empty_scratch

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.release.release_source import ReleaseSource
    from wish_rollout.rollout.servers.target import Target


CREATE_EXTENSION = "CREATE EXTENSION "


def record_missing_base(project: Project, target: Target) -> Path | None:
    """Record the schema before the first revision if the revisions alone do not lead to the environment's schema.

    Returns the file, or None if nothing is missing. Raises ForeignEnvironment, and what ``record_base`` raises.
    """
    state = target.read_database_state()
    position, release = state.facts.revisions, project.release
    if not release.is_position(position):
        unknown = next((name for name in position if name not in release.by_id), format_position(position))
        raise ForeignEnvironment(unknown, format_position(release.head), target.name)
    try:
        verdict = EnvironmentSchema(project, state).assess().verdict
    except RolloutError:  # a revision needs what was there before the first one
        verdict = Verdict.DRIFTED
    return record_base(project, target, state) if verdict is Verdict.DRIFTED else None


def record_base(project: ReleaseSource, target: Target, state: DatabaseState | None = None) -> Path:
    """Record the schema that an environment had before the first revision; return the file.

    ``state``: that of the environment, if it was read already. The downgrades of its revisions are executed on a copy of
    its schema. What a platform creates in an empty database is left out: it is the environment's baseline. Extensions
    that the schema uses are created, unless they are there. The statements are executed and compared on a scratch
    database, before the file is written. Raises BaseSchemaNotRecorded.
    """
    state = state or target.read_database_state()
    with empty_scratch(project) as url:
        empty = _read(project, url)
    with target.connect() as connection:
        used = read_used_extensions(connection)
    position, live = state.facts.revisions, _without_platform(empty, state.snapshot, used)
    statements = _statements(empty, live, target, state.facts.major)
    if position:
        base = _reverted(project, target, statements, position, empty)
        statements = _statements(empty, base, target, state.facts.major)
    with empty_scratch(project) as url:
        _execute(target, url, statements)
        if position:
            _upgrade(project, target, url, position)
        _refuse_difference(target, live, _read(project, url))
    path = base_path(project.scripts.folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + "".join(f"{statement};\n" for statement in statements), encoding="utf-8")
    return path


def _without_platform(empty: Snapshot, live: Snapshot, extensions: frozenset[str]) -> Snapshot:
    """Return a live schema without what a platform creates; ``extensions`` and schemas that have objects are kept."""
    used = {schema_of(name) for kind, name in live.objects if kind not in PLATFORM_KINDS and "." in name}
    used |= {
        str(properties["schema"]) for name, properties in live.of_kind("extension") if name in extensions
    }
    kept = {("schema", name) for name in used} | {("extension", name) for name in extensions}
    platform = find_baseline((), empty, empty, live).accepted
    left_out = tuple(each for each in platform.changes if (each.kind, each.name) not in kept)
    return Delta(left_out).inverse().apply(live)


def _statements(empty: Snapshot, live: Snapshot, target: Target, version: int) -> list[str]:
    """Return the statements that create a schema in an empty database. Raises BaseSchemaNotRecorded."""
    found = remedy(empty, live, Roles("CURRENT_USER", target.scope.roles, portable=True), version)
    if not found.covered:
        raise BaseSchemaNotRecorded(target.name, "; ".join(map(str, found.gaps)))
    return [
        statement.sql.replace(CREATE_EXTENSION, f"{CREATE_EXTENSION}IF NOT EXISTS ", 1)
        if statement.sql.startswith(CREATE_EXTENSION)
        else statement.sql
        for statement in found.statements
    ]


def _reverted(
    project: ReleaseSource, target: Target, statements: list[str], position: Position, empty: Snapshot
) -> Snapshot:
    """Return the schema to which the downgrades lead from a position. Raises BaseSchemaNotRecorded."""
    with empty_scratch(project) as url:
        _execute(target, url, statements)
        with connect(url, SCRATCH) as connection:
            set_revisions(connection, project.config.release.version_table, position)
        try:
            Replayer(project, url).down(position[-1], "base")
        except RolloutError as error:
            reason = (
                f"the downgrade from {format_position(position)} fails on a copy: {error.fill(error.summary)}"
            )
            raise BaseSchemaNotRecorded(target.name, reason.rstrip(".")) from None
        with connect(url, SCRATCH) as connection:
            used = read_used_extensions(connection)
        return _without_platform(empty, _read(project, url), used)


def _upgrade(project: ReleaseSource, target: Target, url: str, position: Position) -> None:
    try:
        Replayer(project, url).up_to(position)
    except RolloutError as error:
        reason = f"the upgrade to {format_position(position)} fails on a copy: {error.fill(error.summary)}"
        raise BaseSchemaNotRecorded(target.name, reason.rstrip(".")) from None


def _execute(target: Target, url: str, statements: list[str]) -> None:
    try:
        execute_statements(url, SCRATCH, statements)
    except psycopg.Error as error:
        reason = error.diag.message_primary or type(error).__name__
        raise BaseSchemaNotRecorded(target.name, f"a scratch database refuses it: {reason}") from None


def _refuse_difference(target: Target, live: Snapshot, found: Snapshot) -> None:
    """Raise BaseSchemaNotRecorded if the schemas differ, other than in the order of columns and in the platform's objects.

    The owner of a schema that the platform has created, for example, becomes a part of the environment's baseline.
    """
    explained = find_baseline((), found, found, live, any_order=True).accepted.changes
    left = Delta(tuple(each for each in difference(found, live).changes if each not in explained))
    if left:
        raise BaseSchemaNotRecorded(target.name, summarize_delta(left))


def _read(project: ReleaseSource, url: str) -> Snapshot:
    with connect(url, SCRATCH) as connection:
        return read_database_state(connection, project.scope_of()).snapshot
