"""The schema that replays begin with: recorded from a live database, before the first revision or at a later one.

A project that began with ``create_all()`` or a restored dump has tables that no revision creates. The statements that
create them are recorded in ``meta/base.sql``, and every replay starts with them. If the line ``-- revision: REVISION``
is in its header, they create the schema of this revision, with the version table, and only later revisions are replayed.
With several branches, the line names a revision of each: ``-- revision: ONE + OTHER``.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from wish_rollout.core.errors.planning.base_schemas import InvalidBaseSchema
from wish_rollout.core.release.release import format_position, parse_position
from wish_rollout.core.text.sql_tokens import split_statements

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.core.release.release import Position, Release

SCRATCH = "the scratch database"
FILE = "base.sql"
HEADER = "-- The schema before the first revision, recorded from a live database. Replays begin with these statements.\n"
HEADER_AT_REVISION = (
    "-- The schema of a revision, recorded from a live database. Replays begin with these statements, and with the\n"
    "-- revisions after it. In a new, empty environment, run them with psql.\n"
    "-- revision: {}\n"
)
MENTION = re.compile(r"--\s*revision\b", re.IGNORECASE)
LINE = re.compile(r"-- revision: (.+)")


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


def start_at_base(release: Release, folder: Path) -> Release:
    """Return the release with the position where replays begin. ``folder``: of the Alembic scripts.

    Raises InvalidBaseSchema, also if a revision neither comes before that position nor after it.
    """
    start = _recorded_position(base_path(folder))
    if not start:
        return release
    if unknown := [name for name in start if name not in release.by_id]:
        raise InvalidBaseSchema(str(base_path(folder)), f"there is no revision {unknown[0]}")
    if aside := find_revision_aside(release, start):
        reason = f"revision {aside} does not come after {format_position(start)}"
        raise InvalidBaseSchema(str(base_path(folder)), reason)
    return replace(release, start=start)


def find_revision_aside(release: Release, position: Position) -> str:
    """Return a revision that comes neither before a position nor after a revision of it; empty if there is none."""
    before, after = release.ancestors(position), set(position)
    for revision in release.revisions:
        if not after.isdisjoint(revision.parents):
            after.add(revision.id)
        elif revision.id not in before:
            return revision.id
    return ""


def _recorded_position(path: Path) -> Position:
    """Return the revision that the header names; empty if it names none. Raises InvalidBaseSchema."""
    if not path.exists():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines()
    named = [line for line in takewhile(lambda line: line.startswith("--"), lines) if MENTION.match(line)]
    if not named:
        return ()
    found = LINE.fullmatch(named[0])
    if len(named) > 1 or not found:
        raise InvalidBaseSchema(
            str(path), f"its header must have one line '-- revision: REVISION', not {named}"
        )
    return parse_position(found[1])
