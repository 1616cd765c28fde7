"""The schema that a project has before its first revision: recorded from a live database, loaded before each replay.

A project that began with ``create_all()`` or a restored dump has tables that no revision creates. The statements that
create them are recorded in ``meta/base.sql``, and every replay starts with them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from wish_rollout.core.text.sql_tokens import split_statements

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


def base_statements(folder: Path) -> list[str]:
    """Return the recorded statements; none if there are none. ``folder``: of the Alembic scripts."""
    path = base_path(folder)
    return split_statements(path.read_text(encoding="utf-8")) if path.exists() else []
