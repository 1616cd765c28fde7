"""The schema that a project has before its first revision: recorded from a live database, loaded before each replay.

A project that began with ``create_all()`` or a restored dump has tables that no revision creates. The statements that
create them are recorded in ``meta/base.sql``, and every replay starts with them.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from wish_rollout.core.errors.drift import BaseSchemaNotRecorded
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.schema.baseline import find_baseline
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.text.sql_tokens import split_statements
from wish_rollout.postgres.catalog.database_state import read_database_state
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.rollout.project.project_sandbox import sandbox
from wish_rollout.sandbox.scratch_databases import scratch_database, scratch_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.release_source import ReleaseSource
    from wish_rollout.rollout.project.target import Target

SCRATCH = "the scratch database"
FILE = "base.sql"
HEADER = "-- The schema before the first revision, recorded from a live database. Replays begin with these statements.\n"


@contextmanager
def empty_scratch(project: ReleaseSource) -> Iterator[str]:
    """Create an empty database on the configured scratch server or the embedded one; yield its URL, drop it afterwards."""
    with ExitStack() as stack:
        server = project.config.release.scratch or stack.enter_context(
            scratch_server(sandbox(project.config))
        )
        yield stack.enter_context(scratch_database(server))


def base_path(project: ReleaseSource) -> Path:
    """Return the path of the recorded statements, whether the file exists or not."""
    return project.scripts.folder / "meta" / FILE


def base_digest(project: ReleaseSource) -> str:
    """Return SHA-256 of the recorded statements; empty if there are none."""
    path = base_path(project)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def load_base(project: ReleaseSource, url: str) -> None:
    """Execute the recorded statements, if there are any, in an empty scratch database. Raises psycopg's errors."""
    path = base_path(project)
    if not path.exists():
        return
    with connect(url, SCRATCH) as connection:
        for statement in split_statements(path.read_text(encoding="utf-8")):
            connection.execute(statement.encode())


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
    path = base_path(project)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        HEADER + "".join(f"{statement.sql};\n" for statement in found.statements), encoding="utf-8"
    )
    return path


def _read(project: ReleaseSource, url: str) -> Snapshot:
    with connect(url, SCRATCH) as connection:
        return read_database_state(connection, project.scope_of()).snapshot
