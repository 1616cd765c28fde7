"""The schemas before an environment's revision, as far back as the downgrades of the revisions lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.planning.base_schemas import BaseSchemaNotRecorded
from wish_rollout.core.errors.projects import ScratchConnectionLost
from wish_rollout.postgres.catalog.used_extensions import read_used_extensions
from wish_rollout.postgres.records.version_table import version_table_statements
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.rollout.project.base_schema_rehearsal import (
    copy_schema,
    creating_statements,
    read_schema,
    rehearse_schema,
    without_platform,
)
from wish_rollout.rollout.release.base_schema import SCRATCH, find_revision_aside
from wish_rollout.rollout.replay.replayer import Replayer
from wish_rollout.rollout.servers.scratch import empty_scratch

if TYPE_CHECKING:
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.release.release_source import ReleaseSource
    from wish_rollout.rollout.servers.target import Target


@dataclass(frozen=True, slots=True)
class LiveSchema:
    """The schema of an environment at its position, and of an empty database; ``statements`` lead from one to the other.

    ``major``: the major version of the environment's server.
    """

    position: Position
    schema: Snapshot
    empty: Snapshot
    statements: list[str]
    major: int


def earliest_schema(project: ReleaseSource, target: Target, live: LiveSchema) -> tuple[str, list[str]] | None:
    """Return the earliest revision from whose schema the upgrades lead to the live one, and what creates that schema.

    The downgrades are executed one by one on a copy, until one cannot be. None: not even the newest can be. The live
    position is of one revision. Raises ScratchConnectionLost.
    """
    found = _reverted_schemas(project, target, live)
    while found:
        revision, schema = found[-1]
        try:
            statements = creating_statements(live.empty, schema, target, live.major)
            statements += version_table_statements(project.config.release.version_table, (revision,))
            rehearse_schema(project, target, statements, live.schema, live.position, (revision,))
        except BaseSchemaNotRecorded:
            found = found[: len(found) // 2]  # a later one may lead there: each is tried on a new database
        else:
            return revision, statements
    return None


def _reverted_schemas(project: ReleaseSource, target: Target, live: LiveSchema) -> list[tuple[str, Snapshot]]:
    """Return each earlier revision that the downgrades lead to, with its schema, the newest first."""
    release, found, revision = project.scripts.release, [], live.position[0]
    with empty_scratch(project) as url:
        copy_schema(project, target, url, live.statements, (revision,))
        while len(parents := release.by_id[revision].parents) == 1:
            if find_revision_aside(release, parents):
                break
            try:
                Replayer(project, url, release).down(revision, parents[0])
                schema = read_schema(project, url)
            except ScratchConnectionLost:
                raise
            except (RolloutError, psycopg.Error):
                break
            revision = parents[0]
            with connect(url, SCRATCH) as connection:
                used = read_used_extensions(connection)
            found.append((revision, without_platform(live.empty, schema, used)))
    return found
