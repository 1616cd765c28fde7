"""Resources of the ops: the project, each environment's database, and the choices for conflicting objects."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import dagster as dg
from pydantic import Field

from wish_rollout.config import Config
from wish_rollout.core.errors.configuration import DatabaseResourceOverridden
from wish_rollout.defs.run_config import CHOICES
from wish_rollout.rollout.planning.plans import Choices
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.project.target import Target


@dataclass(frozen=True)
class ProjectResource:
    """The project of a rollout.toml. Its files are read once for each run."""

    path: Path

    @cached_property
    def project(self) -> Project:
        """The project, read on first use."""
        return Project.load(self.path)


def project_resource(path: Path) -> dg.ResourceDefinition:
    """Return the resource of a project. It has no configuration, so a run cannot select another project."""

    @dg.resource(config_schema={}, description=f"The project that {path.name} configures, read for each run.")
    def project(_: dg.InitResourceContext) -> ProjectResource:
        return ProjectResource(path)

    return project


class DatabaseResource(dg.ConfigurableResource[str]):
    """Database of one environment. A run cannot connect to another URL than the one that rollout.toml configures."""

    url: str = Field(
        default="",
        description=(
            "Connection URL, from the environment variable that rollout.toml names. "
            "Empty: the URL is read from the configured file or command when a run needs it."
        ),
    )


@dg.resource(
    config_schema=CHOICES, description="How to handle existing objects that conflict with the release."
)
def choices(context: dg.InitResourceContext) -> Choices:
    """Return the choices of a run's configuration: environments to adopt, and disposable ones to clean."""
    values = context.resource_config
    return Choices(tuple(values["adopt"]), tuple(values["clean"]))


def database_key(environment: str) -> str:
    """Return the resource key of an environment's database."""
    return f"database_{environment}"


def resources_for(config: Config) -> dict[str, object]:
    """Return all resources by key. URLs are EnvVars, so that Dagster's UI shows the name and not the value."""
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
    """Return the target of an environment whose database resource the op requires.

    Raises DatabaseResourceOverridden if the run's configuration sets another URL. Such a configuration could name any
    environment variable of the worker, for example the URL of a gated database. Raises DatabaseUrlMissing.
    """
    project: Project = context.resources.project.project
    env = project.config.find_environment(environment)
    url = project.config.url(env)
    if getattr(context.resources, database_key(environment)).url not in ("", url):
        raise DatabaseResourceOverridden(environment)
    name = f"wish-rollout run={context.run_id[:8]} {environment}"
    return project.target_at(env, url, name)
