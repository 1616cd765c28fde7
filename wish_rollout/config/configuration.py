"""The whole ``rollout.toml``."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, model_validator

from wish_rollout.addresses import from_command, from_file
from wish_rollout.config.environment import Environment
from wish_rollout.config.receivers import ReceiverConfig
from wish_rollout.config.sections import CONFIG_NAME, ReleaseConfig, ScopeConfig, ConfigTable
from wish_rollout.core.errors.configuration import DatabaseUrlMissing, UnknownEnvironment
from wish_rollout.core.schema.scope import Scope


class Config(ConfigTable):
    """The whole file. ``root`` is the folder that holds it; its paths are relative to that."""

    root: Path
    file: str = CONFIG_NAME
    release: ReleaseConfig = ReleaseConfig()
    scope: ScopeConfig = ScopeConfig()
    environment: tuple[Environment, ...] = Field(min_length=1)
    notify: tuple[ReceiverConfig, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Config:
        names = [env.name for env in self.environment]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the environment {', '.join(twice)} is declared more than once")
        unknown = sorted({name for each in self.notify for name in each.environments} - set(names))
        if unknown:
            raise ValueError(f"notify names {', '.join(unknown)}, which is no environment")
        return self

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Those that take part, in order: an optional one without a URL is left out."""
        return tuple(env for env in self.environment if env.is_enabled)

    def until(self, name: str) -> Config:
        """Give the same without the environments behind the named one; raise UnknownEnvironment."""
        last = self.environment.index(self.declared(name))
        return self.model_copy(update={"environment": self.environment[: last + 1]})

    def only(self, name: str) -> Config:
        """Give the same with just the named environment; raise UnknownEnvironment."""
        return self.model_copy(update={"environment": (self.declared(name),)})

    @property
    def path(self) -> Path:
        """The file that this was read from."""
        return self.root / self.file

    def declared(self, name: str) -> Environment:
        """Find an environment by its name; raise UnknownEnvironment."""
        for env in self.environment:
            if env.name == name:
                return env
        raise UnknownEnvironment(name, ", ".join(env.name for env in self.environment))

    def url(self, env: Environment) -> str:
        """Give an environment's URL: its variable's, else its file's or its command's.

        The variable goes first, so that the sandbox can stand in for every environment. Raises MissingUrl,
        UrlSourceFailed.
        """
        if url := os.environ.get(env.variable):
            return url
        if env.url_file:
            return from_file(env.name, self.root / env.url_file)
        if env.url_command:
            return from_command(env.name, env.url_command, self.root)
        raise DatabaseUrlMissing(env.name, env.variable)

    def scope_of(self, env: Environment | None = None) -> Scope:
        """Say what a snapshot of this environment holds; ``None`` is a scratch database."""
        return Scope(
            schemas=self.scope.schemas,
            ignore=self.scope.ignore,
            roles=env.roles if env else {},
            migrator=env.migrator if env else None,
            version_table=self.release.version_table,
            pinned_extensions=self.release.pinned_extensions,
        )
