"""What ops are given: the project, each environment's database, and what a person chose."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.core.errors.configuration import DatabaseResourceOverridden
from wish_rollout.defs.run_config import CHOICES
from wish_rollout.rollout.planning.plans import Choices
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.project.target import Target


@dataclass(frozen=True)
class ProjectResource:
    """The project that a rollout.toml describes, read afresh for each run."""

    path: Path

    @cached_property
    def project(self) -> Project:
        """The project; its files are read once a run."""
        return Project.load(self.path)


def project_resource(path: Path) -> dg.ResourceDefinition:
    """Make the resource of a project; a run's configuration cannot put another one in its place."""

    @dg.resource(config_schema={}, description=f"What {path.name} describes.")
    def project(_: dg.InitResourceContext) -> ProjectResource:
        return ProjectResource(path)

    return project


class DatabaseResource(dg.ConfigurableResource[str]):
    """One environment's database. ``url`` is given as an EnvVar, so Dagster shows the variable's name.

    A run's configuration can give another value, as Dagster has it: ``target_of`` refuses it.

    Where it is empty, it comes from the file or the command that rollout.toml names, when a run needs it.
    """

    url: str = ""


@dg.resource(config_schema=CHOICES, description="What a person chose for objects in the way.")
def choices(context: dg.InitResourceContext) -> Choices:
    """Give what a person chose: environments to adopt, and to clean (disposable ones)."""
    chosen = context.resource_config
    return Choices(tuple(chosen["adopt"]), tuple(chosen["clean"]))


def database_key(environment: str) -> str:
    """Name the resource of an environment's database."""
    return f"database_{environment}"


def resources_for(config: Config) -> dict[str, object]:
    """Give all resources; a URL is looked up when a run needs it, never at load."""
    databases = {
        database_key(env.name): DatabaseResource()
        if env.has_configured_source and not os.environ.get(env.variable)
        else DatabaseResource(url=dg.EnvVar(env.variable))
        for env in config.environments
    }
    return {
        "project": project_resource(config.path),
        "choices": choices,
        **databases,
    }


def target_of(context: dg.OpExecutionContext, environment: str) -> Target:
    """Give an environment's database to an op that requires its resource; raise Overridden, MissingUrl.

    A run's configuration may name any variable of the worker's as the URL, also that of a gated environment.
    """
    project: Project = context.resources.project.project
    env = project.config.declared(environment)
    url = project.config.url(env)
    if getattr(context.resources, database_key(environment)).url not in ("", url):
        raise DatabaseResourceOverridden(environment)
    name = f"wish-rollout run={context.run_id[:8]} {environment}"
    return project.target_at(env, url, name)
