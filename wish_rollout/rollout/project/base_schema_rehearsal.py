"""Rehearsing on scratch databases that statements lead to a schema, and what the downgrades before it lead to."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from wish_rollout.core.environment.baseline import PLATFORM_KINDS, find_baseline
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.planning.base_schemas import BaseSchemaNotRecorded
from wish_rollout.core.errors.projects import ScratchConnectionLost
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
from wish_rollout.postgres.sessions.server_errors import is_connection_lost
from wish_rollout.rollout.release.base_schema import SCRATCH
from wish_rollout.rollout.replay.replayer import Replayer
from wish_rollout.rollout.servers.scratch import empty_scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.release.release_source import ReleaseSource
    from wish_rollout.rollout.servers.target import Target

CREATE_EXTENSION = "CREATE EXTENSION "


def without_platform(empty: Snapshot, live: Snapshot, extensions: frozenset[str]) -> Snapshot:
    """Return a live schema without what a platform creates; ``extensions`` and schemas that have objects are kept."""
    used = {schema_of(name) for kind, name in live.objects if kind not in PLATFORM_KINDS and "." in name}
    used |= {
        str(properties["schema"]) for name, properties in live.of_kind("extension") if name in extensions
    }
    kept = {("schema", name) for name in used} | {("extension", name) for name in extensions}
    platform = find_baseline((), empty, empty, live).accepted
    left_out = tuple(each for each in platform.changes if (each.kind, each.name) not in kept)
    return Delta(left_out).inverse().apply(live)


def creating_statements(empty: Snapshot, live: Snapshot, target: Target, version: int) -> list[str]:
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


def reverted_schema(
    project: ReleaseSource, target: Target, statements: list[str], position: Position, empty: Snapshot
) -> Snapshot:
    """Return the schema to which the downgrades lead from a position, whose schema ``statements`` create.

    ``empty``: the schema of an empty database. Raises BaseSchemaNotRecorded, ScratchConnectionLost.
    """
    what = f"the downgrade from {format_position(position)}"
    with _as_not_recorded(target, what), empty_scratch(project) as url:
        copy_schema(project, target, url, statements, position)
        Replayer(project, url, project.scripts.release).down(position[-1], "base")
        with connect(url, SCRATCH) as connection:
            used = read_used_extensions(connection)
        return without_platform(empty, read_schema(project, url), used)


def copy_schema(
    project: ReleaseSource, target: Target, url: str, statements: list[str], position: Position
) -> None:
    """Create a schema in a scratch database, which is then at a position. Raises BaseSchemaNotRecorded."""
    _execute(target, url, statements)
    with connect(url, SCRATCH) as connection:
        set_revisions(connection, project.config.release.version_table, position)


def rehearse_schema(  # noqa: PLR0913, PLR0917  (two schemas, and the positions to which they belong)
    project: ReleaseSource,
    target: Target,
    statements: list[str],
    live: Snapshot,
    position: Position = (),
    start: Position = (),
) -> None:
    """Raise BaseSchemaNotRecorded unless statements, and the upgrades to a position, lead to the live schema.

    ``start``: the position that the statements lead to; then the columns must have the live order as well, which an
    environment would otherwise have to be adopted for. Raises ScratchConnectionLost.
    """
    what = f"the upgrade to {format_position(position)}"
    with _as_not_recorded(target, what), empty_scratch(project) as url:
        _execute(target, url, statements)
        Replayer(project, url, project.scripts.release).up_to(position, start)
        _refuse_difference(target, live, read_schema(project, url), any_order=not start)


@contextmanager
def _as_not_recorded(target: Target, what: str) -> Iterator[None]:
    """Raise BaseSchemaNotRecorded for an error of the scripts, but not for a lost connection."""
    try:
        yield
    except (BaseSchemaNotRecorded, ScratchConnectionLost):
        raise
    except RolloutError as error:
        reason = f"{what} fails on a copy: {error.fill(error.summary)}"
        raise BaseSchemaNotRecorded(target.name, reason.rstrip(".")) from None


def _execute(target: Target, url: str, statements: list[str]) -> None:
    try:
        execute_statements(url, SCRATCH, statements)
    except psycopg.Error as error:
        if isinstance(error, psycopg.OperationalError) and is_connection_lost(error):
            raise
        reason = error.diag.message_primary or type(error).__name__
        raise BaseSchemaNotRecorded(target.name, f"a scratch database refuses it: {reason}") from None


def _refuse_difference(target: Target, live: Snapshot, found: Snapshot, *, any_order: bool) -> None:
    """Raise BaseSchemaNotRecorded if the schemas differ, other than in the platform's objects.

    ``any_order``: nor in the order of columns.

    The owner of a schema that the platform has created, for example, becomes a part of the environment's baseline.
    """
    explained = find_baseline((), found, found, live, any_order=any_order).accepted.changes
    left = Delta(tuple(each for each in difference(found, live).changes if each not in explained))
    if left:
        raise BaseSchemaNotRecorded(target.name, summarize_delta(left))


def read_schema(project: ReleaseSource, url: str) -> Snapshot:
    """Return the schema of a scratch database."""
    with connect(url, SCRATCH) as connection:
        return read_database_state(connection, project.scope_of()).snapshot
