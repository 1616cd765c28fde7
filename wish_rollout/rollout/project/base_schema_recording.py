"""Recording the live schema of an environment as the schema before the first revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.drift import BaseSchemaNotRecorded
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.schema.baseline import find_baseline
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.postgres.catalog.database_state import read_database_state
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.rollout.project.base_schema import HEADER, SCRATCH, base_path
from wish_rollout.rollout.project.scratch import empty_scratch

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.release_source import ReleaseSource
    from wish_rollout.rollout.project.target import Target


def record_base(project: ReleaseSource, target: Target) -> Path:
    """Record the live schema of an environment as the schema before the first revision; return the file.

    What a platform creates in an empty database is left out: it is the environment's baseline. The statements are
    executed on a scratch database and compared, before the file is written. Raises BaseSchemaNotRecorded.
    """
    state = target.read_database_state()
    with empty_scratch(project) as url:
        empty = _read(project, url)
        platform = find_baseline((), empty, empty, state.snapshot).accepted
        live = platform.inverse().apply(state.snapshot)
        found = remedy(
            empty, live, Roles("CURRENT_USER", target.scope.roles, portable=True), state.facts.major
        )
        if not found.covered:
            raise BaseSchemaNotRecorded(target.name, "; ".join(map(str, found.gaps)))
        with connect(url, SCRATCH) as connection:
            for statement in found.statements:
                connection.execute(statement.sql.encode())
        if left := difference(live, _read(project, url)):
            raise BaseSchemaNotRecorded(target.name, summarize_delta(left))
    path = base_path(project.scripts.folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        HEADER + "".join(f"{statement.sql};\n" for statement in found.statements), encoding="utf-8"
    )
    return path


def _read(project: ReleaseSource, url: str) -> Snapshot:
    with connect(url, SCRATCH) as connection:
        return read_database_state(connection, project.scope_of()).snapshot
