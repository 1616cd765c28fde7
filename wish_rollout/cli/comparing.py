"""Targets of a comparison: an environment's name, a URL, or a snapshot file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

    from wish_rollout.config import Config
    from wish_rollout.core.scope import Scope
    from wish_rollout.core.snapshot import Snapshot


def config_of(context: typer.Context) -> Config | None:
    """Load rollout.toml; None where there is none and none was named: URLs and files need none."""
    from wish_rollout.config import load_config
    from wish_rollout.core.config_errors import NoConfiguration

    try:
        return load_config(Path(context.obj).resolve() if context.obj else None)
    except NoConfiguration:
        return None


def snapshot_of(config: Config | None, target: str) -> Snapshot:
    """Read a target; raise UnknownTarget, BadSnapshotFile, and what reading a database does."""
    names = [env.name for env in config.environment] if config else []
    if config and target in names:
        from wish_rollout.rollout.project import Project

        return Project(config).target(target).look().snapshot
    if "://" in target:
        from wish_rollout.core.scope import Scope

        return _read_url(target, config.scope_of() if config else Scope())
    return _read_file(target, names)


def _read_url(url: str, scope: Scope) -> Snapshot:
    import psycopg

    from wish_rollout.postgres.connect import connect
    from wish_rollout.postgres.reader import read_snapshot
    from wish_rollout.postgres.refusals import refusal

    source = "the URL given"
    try:
        with connect(url, source) as connection:
            return read_snapshot(connection, scope)
    except psycopg.Error as error:
        raise refusal(error, source) from None


def _read_file(name: str, names: list[str]) -> Snapshot:
    from wish_rollout.core.config_errors import UnknownTarget
    from wish_rollout.core.errors import BadSnapshotFile
    from wish_rollout.core.snapshot import Snapshot

    path = Path(name)
    if not path.exists() and path.suffix != ".json" and "/" not in name:
        # a connection string of libpq's other kind may hold a password: only what looks like a name is repeated
        shown = name if re.fullmatch(r"[\w.-]+", name) else "What was given"
        raise UnknownTarget(shown, ", ".join(names) or "none is declared here")
    try:
        return Snapshot.from_json(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadSnapshotFile(str(path), str(reason)) from None
