"""Resources of the ops: the project, and the choices for conflicting objects.

A database is no resource: a run connects only to the URLs that rollout.toml names, and no run configuration can select
another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.defs.asset_keys import prefixed
from wish_rollout.defs.release_version import project_at
from wish_rollout.defs.run_config import choices_config
from wish_rollout.rollout.planning.plans import Choices

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.config import Config
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target

PROJECT, CHOICES = "project", "choices"
FILES = "rollout_files"
"""Not ``io_manager``: in a code location with other assets, that key is the I/O manager of all of them."""


@dataclass(frozen=True)
class ProjectResource:
    """The project of a rollout.toml. Its files are read once for each run."""

    path: Path

    @cached_property
    def project(self) -> Project:
        """The project, read on first use."""
        return project_at(self.path)


def project_resource(path: Path) -> dg.ResourceDefinition:
    """Return the resource of a project. It has no configuration, so a run cannot select another project."""

    @dg.resource(config_schema={}, description=f"The project that {path.name} configures, read for each run.")
    def project(_: dg.InitResourceContext) -> ProjectResource:
        return ProjectResource(path)

    return project


def choices_resource() -> dg.ResourceDefinition:
    """Return the resource of a run's choices: environments to adopt, and disposable ones to clean."""

    @dg.resource(
        config_schema=choices_config(),
        description="How to handle existing objects that conflict with the release. Usually left empty.",
    )
    def choices(context: dg.InitResourceContext) -> Choices:
        values = context.resource_config
        return Choices(tuple(values["adopt"]), tuple(values["clean"]), tuple(values["replan"]))

    return choices


def files_resource(config: Config) -> dg.IOManagerDefinition:
    """Return the I/O manager that stores step outputs in the project's folder, for multiprocess executors.

    It has no configuration, so a run cannot select another folder: the files are unpickled, and a pickle file can
    execute code.
    """

    @dg.io_manager(
        config_schema={}, description="Stores the outputs of steps in the folder .dagster of the project."
    )
    def files(context: dg.InitResourceContext) -> dg.IOManager:
        folder = str(config.root / ".dagster")
        return dg.FilesystemIOManager(base_dir=folder).create_io_manager(context)

    return files


def resources_for(config: Config) -> dict[str, Any]:
    """Return all resources by key."""
    return {
        resource_key(config, PROJECT): project_resource(config.path),
        resource_key(config, CHOICES): choices_resource(),
        files_key(config): files_resource(config),
    }


def resource_key(config: Config, name: str) -> str:
    """Return the key of the resource ``project`` or ``choices`` of a project."""
    return prefixed(name, config.project.name)


def files_key(config: Config) -> str:
    """Return the key of the I/O manager of a project's ops."""
    return prefixed(FILES, config.project.name)


def required_resources(config: Config) -> set[str]:
    """Return the resource keys of each op."""
    return {resource_key(config, PROJECT), resource_key(config, CHOICES)}


def project_of(context: dg.OpExecutionContext) -> Project:
    """Return the project of an op whose ``required_resource_keys`` are ``required_resources``."""
    resource: ProjectResource = _resource(context, PROJECT)
    return resource.project


def choices_of(context: dg.OpExecutionContext) -> Choices:
    """Return the choices of an op's run."""
    choices: Choices = _resource(context, CHOICES)
    return choices


def _resource(context: dg.OpExecutionContext, name: str) -> Any:
    required = context.op_def.required_resource_keys
    (key,) = (key for key in required if key == name or key.endswith(f"_{name}"))
    return getattr(context.resources, key)


def target_of(context: dg.OpExecutionContext, environment: str) -> Target:
    """Return the target of an environment; raise UnknownEnvironment or DatabaseUrlMissing."""
    return project_of(context).target(environment, f"wish-rollout run={context.run_id[:8]} {environment}")
