"""The targets of diff and snapshot: the name of an environment, a URL, or a snapshot file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

    from wish_rollout.config import Config
    from wish_rollout.core.remedy.role_names import Roles
    from wish_rollout.core.schema.scope import Scope
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.project import Project


def load_optional_config(context: typer.Context) -> Config | None:
    """Return the configuration, or None if there is no rollout.toml: URLs and files do not need one.

    Raise InvalidConfiguration, also if ``--config`` names a file that does not exist.
    """
    from wish_rollout.config import load_config
    from wish_rollout.core.errors.configuration import ConfigurationNotFound

    try:
        return load_config(Path(context.obj).resolve() if context.obj else None)
    except ConfigurationNotFound:
        return None


@dataclass(frozen=True)
class ComparisonTargets:
    """Targets that are compared with each other: all are read with the same scope."""

    config: Config | None
    targets: Sequence[str]

    @cached_property
    def names(self) -> list[str]:
        """The names of all environments in rollout.toml."""
        return [env.name for env in self.config.environment] if self.config else []

    @cached_property
    def project(self) -> Project | None:
        """The project, if a target is one of its environments: its scripts may pin extension versions."""
        if self.config is None or not any(map(self.is_environment, self.targets)):
            return None
        from wish_rollout.rollout.project.project import Project

        return Project(self.config)

    @cached_property
    def scope(self) -> Scope:
        """The scope of a comparison with a URL or a file."""
        from wish_rollout.core.schema.scope import Scope

        source = self.project or self.config
        return source.scope_of() if source else Scope()

    def is_environment(self, target: str) -> bool:
        """Return whether a target is an environment, or a target of a fleet: FLEET/NAME."""
        fleets = [env.name for env in self.config.environment if env.is_fleet] if self.config else []
        return target in self.names or any(target.startswith(f"{name}/") for name in fleets)

    def prepare(self) -> None:
        """Compute the cached properties before two threads use them."""
        assert self.scope
        assert (self._majors, self._roles) == ({}, {})

    def major_of(self, target: str) -> int | None:
        """Return the major version of the target's server, after it was read; None for a snapshot file."""
        return self._majors.get(target)

    def roles_of(self, target: str) -> Roles | None:
        """Return how an environment's roles are called, after it was read; None for a URL or a file."""
        return self._roles.get(target)

    @cached_property
    def _majors(self) -> dict[str, int]:
        return {}

    @cached_property
    def _roles(self) -> dict[str, Roles]:
        return {}

    def read(self, target: str) -> Snapshot:
        """Return the snapshot of a target. Raise UnknownTarget, InvalidSnapshotFile, or an error of the database."""
        if self.project and self.is_environment(target):
            return self._read_environment(self.project, target)
        if "://" in target:
            snapshot, self._majors[target] = _read_url(target, self.scope)
            return snapshot
        from wish_rollout.core.schema.extension_versions import pin_versions

        return pin_versions(_read_file(target, self.names), self.scope.pinned_extensions)

    def _read_environment(self, project: Project, name: str) -> Snapshot:
        from wish_rollout.core.remedy.role_names import Roles

        state = project.target(name).read_database_state()
        scope = project.scope_of(project.config.find_environment(name))
        self._majors[name] = state.facts.major
        self._roles[name] = Roles.of(scope.migrator or state.facts.role, scope.roles)
        return state.snapshot


def _read_url(url: str, scope: Scope) -> tuple[Snapshot, int]:
    import psycopg

    from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot
    from wish_rollout.postgres.sessions.connections import connect
    from wish_rollout.postgres.sessions.server_errors import as_rollout_error

    source = "the URL argument"
    try:
        with connect(url, source) as connection:
            return read_snapshot(connection, scope), connection.info.server_version // 10000
    except psycopg.Error as error:
        raise as_rollout_error(error, source) from None


def _read_file(name: str, names: list[str]) -> Snapshot:
    from wish_rollout.core.errors.base import InvalidSnapshotFile
    from wish_rollout.core.errors.configuration import UnknownTarget
    from wish_rollout.core.schema.snapshot import Snapshot

    path = Path(name)
    if not path.exists() and path.suffix != ".json" and "/" not in name:
        # a libpq keyword/value connection string may contain a password: repeat only what is a plain name
        shown = name if re.fullmatch(r"[\w.-]+", name) else "The argument"
        raise UnknownTarget(shown, ", ".join(names) or "none is declared")
    try:
        return Snapshot.from_json(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidSnapshotFile(str(path), str(reason)) from None
