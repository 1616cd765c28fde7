"""What several commands need: the project, options, targets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from wish_rollout.core.snapshot import Snapshot
    from wish_rollout.rollout.project import Project, Target

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


def project_of(context: typer.Context) -> Project:
    """Load the project that the command is for; raise BadConfiguration."""
    from wish_rollout.rollout.project import Project

    return Project.load(Path(context.obj).resolve() if context.obj else None)


def targets_of(project: Project, name: str | None = None) -> list[Target]:
    """Give the named environment's database, or those of all that take part."""
    if name:
        return [project.target(name)]
    if not project.config.environments:  # all are optional, and none has a URL
        return [project.target(project.config.environment[0].name)]
    return [project.target(env.name) for env in project.config.environments]


def snapshot_of(project: Project, target: str) -> Snapshot:
    """Read a TARGET: an environment's name, a URL, or a snapshot file; raise UnknownTarget."""
    from wish_rollout.core.config_errors import UnknownTarget
    from wish_rollout.core.errors import BadSnapshotFile
    from wish_rollout.core.snapshot import Snapshot

    names = [env.name for env in project.config.environment]
    if target in names:
        return project.target(target).look().snapshot
    if "://" in target:
        from wish_rollout.postgres.connect import connect
        from wish_rollout.postgres.reader import read_snapshot

        with connect(target, "the URL given") as connection:
            return read_snapshot(connection, project.config.scope_of())
    path = Path(target)
    if not path.exists() and path.suffix != ".json" and "/" not in target:
        # a connection string of libpq's other kind may hold a password: only what looks like a name is repeated
        shown = target if re.fullmatch(r"[\w.-]+", target) else "What was given"
        raise UnknownTarget(shown, ", ".join(names))
    try:
        return Snapshot.from_json(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadSnapshotFile(str(path), str(reason)) from None
