"""Targets of a comparison: an environment's name, a URL, or a snapshot file."""

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
    from wish_rollout.core.schema.scope import Scope
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.project import Project


def load_optional_config(context: typer.Context) -> Config | None:
    """Load rollout.toml; None where there is none and none was named: URLs and files need none."""
    from wish_rollout.config import load_config
    from wish_rollout.core.errors.configuration import ConfigurationNotFound

    try:
        return load_config(Path(context.obj).resolve() if context.obj else None)
    except ConfigurationNotFound:
        return None


@dataclass(frozen=True)
class ComparisonTargets:
    """Targets that are compared with each other, so they are all read in the same way."""

    config: Config | None
    wanted: Sequence[str]

    @cached_property
    def names(self) -> list[str]:
        """The environments that are declared."""
        return [env.name for env in self.config.environment] if self.config else []

    @cached_property
    def project(self) -> Project | None:
        """The project, where one of its environments is among the targets: its scripts pin extensions."""
        if self.config is None or not set(self.names) & set(self.wanted):
            return None
        from wish_rollout.rollout.project.project import Project

        return Project(self.config)

    @cached_property
    def scope(self) -> Scope:
        """What of a URL or a file counts."""
        from wish_rollout.core.schema.scope import Scope

        source = self.project or self.config
        return source.scope_of() if source else Scope()

    def prepare(self) -> None:
        """Do once what two threads would do twice, or wait for each other to do."""
        assert self.scope

    def read(self, target: str) -> Snapshot:
        """Read a target; raise UnknownTarget, BadSnapshotFile, and what reading a database does."""
        if self.project and target in self.names:
            return self.project.target(target).look().snapshot
        if "://" in target:
            return _read_url(target, self.scope)
        from wish_rollout.core.schema.extension_versions import pin

        return pin(_read_file(target, self.names), self.scope.pinned_extensions)


def _read_url(url: str, scope: Scope) -> Snapshot:
    import psycopg

    from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot
    from wish_rollout.postgres.sessions.connections import connect
    from wish_rollout.postgres.sessions.server_errors import refusal

    source = "the URL given"
    try:
        with connect(url, source) as connection:
            return read_snapshot(connection, scope)
    except psycopg.Error as error:
        raise refusal(error, source) from None


def _read_file(name: str, names: list[str]) -> Snapshot:
    from wish_rollout.core.errors.base import InvalidSnapshotFile
    from wish_rollout.core.errors.configuration import UnknownTarget
    from wish_rollout.core.schema.snapshot import Snapshot

    path = Path(name)
    if not path.exists() and path.suffix != ".json" and "/" not in name:
        # a connection string of libpq's other kind may hold a password: only what looks like a name is repeated
        shown = name if re.fullmatch(r"[\w.-]+", name) else "What was given"
        raise UnknownTarget(shown, ", ".join(names) or "none is declared here")
    try:
        return Snapshot.from_json(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InvalidSnapshotFile(str(path), str(reason)) from None
