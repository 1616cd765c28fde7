"""Options, and the loading of the project, that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.core.errors.fleets.rollouts import TargetNotSupported

if TYPE_CHECKING:
    from wish_rollout.config import Environment
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target

EnvironmentName = Annotated[
    str, typer.Argument(metavar="ENV", help="Name of an environment in rollout.toml.")
]
BreakGlass = Annotated[
    str,
    typer.Option(
        metavar="REASON",
        help="Approve alone in an emergency. Recorded in the ledger as BREAK GLASS; a notification is sent.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Sign without asking for confirmation.")]
ByRemedy = Annotated[
    bool,
    typer.Option(
        "--by-remedy",
        help="Roll back by the SQL that leads from the one schema to the other, instead of the scripts' downgrades.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


def load_project(context: typer.Context) -> Project:
    """Return the project of ``--config``, or of the nearest rollout.toml. Raise InvalidConfiguration."""
    from wish_rollout.rollout.project.project import Project

    project = Project.load(Path(context.obj).resolve() if context.obj else None)
    project.progress = output.report_step
    return project


def refuse_fleet_target(project: Project, name: str, command: str) -> None:
    """Raise TargetNotSupported if a name is that of one target of a fleet. Raise UnknownEnvironment."""
    if project.config.find_environment(name).name not in {env.name for env in project.config.environment}:
        raise TargetNotSupported(name, command)


def select_fleets(project: Project, name: str | None = None) -> list[Environment]:
    """Return the named environment if it is a fleet, or all fleets. Raise UnknownEnvironment."""
    if name:
        env = project.config.find_environment(name)
        return [env] if env.is_fleet else []
    return list(project.config.fleets)


def select_single(project: Project, name: str | None) -> list[Target]:
    """Return as ``select_targets`` does, and nothing for the name of a fleet."""
    return [] if name and select_fleets(project, name) else select_targets(project, name)


def select_targets(project: Project, name: str | None = None) -> list[Target]:
    """Return the target of the named environment, or the targets of all environments that have a URL, without fleets.

    Raise DatabaseUrlMissing if no environment has one.
    """
    if name:
        return [project.target(name)]
    if (
        not project.config.environments
    ):  # every environment is optional and none has a URL: target() raises DatabaseUrlMissing
        return [project.target(project.config.environment[0].name)]
    return [project.target(env.name) for env in project.config.single_environments]
