"""What is read from files alone: configuration, scripts, release and scope."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from wish_rollout import __version__
from wish_rollout.config import Config, Environment, load_config
from wish_rollout.core.environment.platform import NO_PLATFORM, Platform, find_extensions
from wish_rollout.core.errors.projects import PlatformFailed
from wish_rollout.core.plan.canonical_digest import canonical_digest
from wish_rollout.core.schema.extension_versions import find_pinned_extensions
from wish_rollout.rollout.release.base_schema import base_digest, start_at_base

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wish_rollout.core.release.release import Release
    from wish_rollout.core.schema.scope import Scope
    from wish_rollout.revisions.script_folder.script_files import Place
    from wish_rollout.revisions.script_folder.scripts import Scripts
    from wish_rollout.rollout.release.measurements import Measurements


CACHE = Path(".dagster") / "replays"
"""Beside rollout.toml: what replays of unrecorded releases came to, a folder a release."""


class ReleaseSource:
    """Configuration, scripts and release: all that is read from files. Reads late, and once."""

    server_major: int | None = None
    """The major version on which scripts are replayed; None: that of the server that rollout.toml leads to."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.progress: Callable[[str], None] = lambda _: None
        """Called with what is being done, about once a second, where that takes longer than a second."""

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read rollout.toml; raise InvalidConfiguration."""
        return cls(load_config(path))

    @cached_property
    def scripts(self) -> Scripts:
        """The Alembic script folder."""
        from wish_rollout.revisions.script_folder.alembic_config import ScriptOptions
        from wish_rollout.revisions.script_folder.scripts import Scripts

        release = self.config.release
        options = ScriptOptions(
            release.alembic_section,
            release.alembic_x,
            release.database,
            release.flask_app,
            release.alembic_config,
            {"data_dependent": release.data_dependent, "driver_statements": release.driver_statements},
            release.allow_hazards,
        )
        root, heads = self.config.root, release.heads
        return Scripts(root, release.migrations, release.alembic_ini, options, heads, recorded_places)

    @cached_property
    def release(self) -> Release:
        """The chain of revisions up to head. Raises InvalidBaseSchema."""
        return start_at_base(self.scripts.release, self.scripts.folder)

    @cached_property
    def measurements(self) -> Measurements:
        """What the statements of each revision lock, as measured on a scratch server."""
        from wish_rollout.rollout.release.measurements import Measurements

        return Measurements(self.scripts.folder / "meta", self.config.root)

    def scope_of(self, env: Environment | None = None) -> Scope:
        """Say what a snapshot of this environment holds; ``None`` is a scratch database.

        Versions count of those extensions that rollout.toml or a revision of the release pins.
        """
        scope = self.config.scope_of(env)
        return replace(
            scope,
            ignore=(*scope.ignore, *self.platform.ignored),
            pinned_extensions=scope.pinned_extensions | self._pinned,
        )

    @cached_property
    def platform(self) -> Platform:
        """What the platform provides, as rollout.toml declares it. Raises PlatformFailed."""
        path = self.config.release.platform.sql
        if path is None:
            return NO_PLATFORM
        try:
            return Platform.read((self.config.root / path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise PlatformFailed(str(path), reason or type(error).__name__) from None

    @cached_property
    def extensions(self) -> frozenset[str]:
        """The extensions that the scripts and the platform create."""
        return find_extensions([*self._texts(), *self.platform.statements]) - {"plpgsql"}

    @cached_property
    def _pinned(self) -> frozenset[str]:
        return find_pinned_extensions(self._texts())

    def _texts(self) -> list[str]:
        return [source.decode(errors="replace") for source in self.scripts.sources.values()]


def recorded_places(folder: Path) -> Mapping[str, Place]:
    """Return the places of the scripts that ``meta/`` of a script folder has, by SHA-256; none if it cannot be read."""
    from wish_rollout.core.errors.releases import InvalidReleaseRecord
    from wish_rollout.revisions.records.meta_folder import MetaFolder
    from wish_rollout.revisions.script_folder.script_files import Place

    try:
        entries = MetaFolder(folder / "meta").entries.values()
    except InvalidReleaseRecord:  # whatever needs the record reports it
        return {}
    return {each.script_sha256: Place(each.revision, frozenset(each.parents)) for each in entries}


def replay_cache(project: ReleaseSource) -> Path:
    """Return the folder of a replay: named by the scripts, what a snapshot holds, and the tool that reads it."""
    key = canonical_digest(
        [
            __version__,
            project.release.name,
            repr(project.scope_of()),
            repr(project.platform),
            base_digest(project.scripts.folder),
            *([project.server_major] if project.server_major else ()),
        ]
    )[:32]
    return project.config.root / CACHE / key
