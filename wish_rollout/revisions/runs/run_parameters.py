"""What a run of the scripts needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alembic import context as _context  # noqa: F401  (its import sets up what is shared below)

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.revisions.script_folder.scripts import Scripts


@dataclass(frozen=True)
class ScriptRun:
    """What a run of the scripts needs.

    ``connection``: a session in autocommit that the caller owns. ``url``: what env.py reads as its URL; a secret, so
    it is in no repr. ``table``: Alembic's version table. ``environment``: how errors name the database.
    """

    scripts: Scripts
    connection: psycopg.Connection[Any]
    url: str = field(repr=False)
    table: str = "public.alembic_version"
    search_path: str = "public"
    environment: str = "the database"
