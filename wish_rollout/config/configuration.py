"""The configuration: the contents of ``rollout.toml``."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, model_validator

from wish_rollout.addresses import read_url_file, run_url_command
from wish_rollout.config.environment import Environment
from wish_rollout.config.fleet_member import FleetMember
from wish_rollout.config.receivers import ReceiverConfig
from wish_rollout.config.sections import (
    CONFIG_NAME,
    ConfigTable,
    DagsterConfig,
    ProjectConfig,
    ReleaseConfig,
    ScopeConfig,
)
from wish_rollout.core.errors.configuration import DatabaseUrlMissing, UnknownEnvironment
from wish_rollout.core.schema.scope import Scope


class Config(ConfigTable):
    """The contents of ``rollout.toml``. ``root``: its folder, to which relative paths refer. ``file``: its name."""

    root: Path
    file: str = CONFIG_NAME
    project: ProjectConfig = Field(
        default=ProjectConfig(), description="The project's name, where several share one Dagster."
    )
    dagster: DagsterConfig = Field(
        default=DagsterConfig(), description="Where Dagster's web server and code location are."
    )
    release: ReleaseConfig = Field(default=ReleaseConfig(), description="The revisions that are rolled out.")
    scope: ScopeConfig = Field(
        default=ScopeConfig(), description="The part of each database that belongs to the project."
    )
    environment: tuple[Environment, ...] = Field(
        min_length=1, description="The environments, in promotion order."
    )
    notify: tuple[ReceiverConfig, ...] = Field(default=(), description="The receivers of notifications.")

    @model_validator(mode="after")
    def _check_names(self) -> Config:
        names = [env.name for env in self.environment]
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if duplicates:
            raise ValueError(f"the environment {', '.join(duplicates)} is declared more than once")
        unknown = sorted({name for receiver in self.notify for name in receiver.environments} - set(names))
        if unknown:
            raise ValueError(f"notify names {', '.join(unknown)}, which is not an environment")
        return self

    @property
    def environments(self) -> tuple[Environment, ...]:
        """The enabled environments in promotion order. An optional environment without a URL is not enabled."""
        return tuple(env for env in self.environment if env.is_enabled)

    @property
    def single_environments(self) -> tuple[Environment, ...]:
        """The enabled environments that are one database each."""
        return tuple(env for env in self.environments if not env.is_fleet)

    @property
    def fleets(self) -> tuple[Environment, ...]:
        """The enabled environments that have a list of targets."""
        return tuple(env for env in self.environments if env.is_fleet)

    def truncate_after(self, name: str) -> Config:
        """Return the configuration without the environments after the named one; raise ``UnknownEnvironment``."""
        last = self.environment.index(self._declared(name))
        return self.model_copy(update={"environment": self.environment[: last + 1]})

    def select_environment(self, name: str) -> Config:
        """Return the configuration with only the named environment; raise ``UnknownEnvironment``."""
        return self.model_copy(update={"environment": (self._declared(name),)})

    @property
    def location_name(self) -> str:
        """The name of the project's code location in Dagster's workspace."""
        return self.dagster.location or self.project.name or "wish_rollout"

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.root / self.file

    def find_environment(self, name: str) -> Environment:
        """Return the environment with that name, enabled or not; raise ``UnknownEnvironment``.

        ``FLEET/TARGET`` is one target of a fleet. Whether the list contains it is known only when the list is read.
        """
        fleet, separator, target = name.partition("/")
        if separator and target and (env := self._declared(fleet)).is_fleet:
            return FleetMember.of(env, target)
        return self._declared(name)

    def _declared(self, name: str) -> Environment:
        for env in self.environment:
            if env.name == name:
                return env
        raise UnknownEnvironment(name, ", ".join(env.name for env in self.environment))

    def url(self, env: Environment) -> str:
        """Return an environment's URL: from its variable if that is set, otherwise from its file or command.

        The variable has precedence, so that the sandbox can replace every environment. Raises ``DatabaseUrlMissing``
        and ``DatabaseUrlSourceFailed``.
        """
        if url := os.environ.get(env.variable):
            return url
        if env.url_file:
            return read_url_file(env.name, self.root / env.url_file)
        if env.url_command:
            return run_url_command(env.name, env.url_command, self.root)
        raise DatabaseUrlMissing(env.name, env.variable)

    def scope_of(self, env: Environment | None = None) -> Scope:
        """Return the scope of snapshots of an environment, or of a scratch database (None)."""
        return Scope(
            schemas=self.scope.schemas,
            ignore=self.scope.ignore,
            roles=env.roles if env else {},
            migrator=env.migrator if env else None,
            version_table=self.release.version_table,
            pinned_extensions=self.release.pinned_extensions,
        )
