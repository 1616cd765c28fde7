"""The schema that a project has before its first revision: recorded from a live database, loaded before each replay.

A project that began with ``create_all()`` or a restored dump has tables that no revision creates. The statements that
create them are recorded in ``meta/base.sql``, and every replay starts with them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from wish_rollout.core.text.sql_tokens import split_statements
from wish_rollout.postgres.sessions.connections import connect

if TYPE_CHECKING:
    from pathlib import Path

SCRATCH = "the scratch database"
FILE = "base.sql"
HEADER = "-- The schema before the first revision, recorded from a live database. Replays begin with these statements.\n"


def base_path(folder: Path) -> Path:
    """Return the path of the recorded statements, whether the file exists or not. ``folder``: of the Alembic scripts."""
    return folder / "meta" / FILE


def base_digest(folder: Path) -> str:
    """Return SHA-256 of the recorded statements; empty if there are none."""
    path = base_path(folder)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def load_base(folder: Path, url: str) -> None:
    """Execute the recorded statements, if there are any, in an empty scratch database. Raises psycopg's errors."""
    path = base_path(folder)
    if not path.exists():
        return
    with connect(url, SCRATCH) as connection:
        for statement in split_statements(path.read_text(encoding="utf-8")):
            connection.execute(statement.encode())
