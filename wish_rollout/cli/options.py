"""What several commands need: the project, options, targets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target

Name = Annotated[str, typer.Argument(metavar="ENV", help="An environment of rollout.toml.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


def load_project(context: typer.Context) -> Project:
    """Load the project that the command is for; raise BadConfiguration."""
    from wish_rollout.rollout.project.project import Project

    return Project.load(Path(context.obj).resolve() if context.obj else None)


def select_targets(project: Project, name: str | None = None) -> list[Target]:
    """Give the named environment's database, or those of all that take part."""
    if name:
        return [project.target(name)]
    if not project.config.environments:  # all are optional, and none has a URL
        return [project.target(project.config.environment[0].name)]
    return [project.target(env.name) for env in project.config.environments]
