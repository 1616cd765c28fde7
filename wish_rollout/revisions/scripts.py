"""An Alembic script folder, read into a release."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from wish_rollout.core.errors.releases import MultipleHeads, ScriptFolderUnreadable, ScriptUnreadable
from wish_rollout.core.release.release import Release, build_release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.script import Script

MANAGED = ("sqlalchemy.url", "script_location")


class Scripts:
    """A script folder and the Alembic configuration that goes with it.

    ``folder``: where env.py and versions/ are. ``ini``: an alembic.ini; without one, the one beside ``root``
    or beside the folder, and without that just the folder. ``root`` goes onto the import path, as it would
    for ``alembic`` started there.
    """

    def __init__(self, root: Path, folder: Path, ini: Path | None = None) -> None:
        self.root = root
        self.folder = (root / folder).resolve()
        self.ini = root / ini if ini else self._nearest_ini()
        self.version_folder = self.folder / "versions"

    def _nearest_ini(self) -> Path | None:
        places = (self.root / "alembic.ini", self.folder.parent / "alembic.ini")
        return next((place for place in places if place.is_file()), None)

    def alembic_config(self, url: str = "", attributes: dict[str, Any] | None = None) -> Config:
        """Make a Config for one run of env.py.

        The file's name is forgotten once it is read: an env.py hands it to ``logging.config.fileConfig``,
        which would silence every logger of the process that runs us.
        """
        toml = self.root / "pyproject.toml"
        config = Config(
            str(self.ini) if self.ini else None,
            toml_file=str(toml) if toml.is_file() else None,
            attributes=attributes or {},
        )
        config.set_main_option("script_location", str(self.folder).replace("%", "%%"))
        config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
        if not config.get_main_option("prepend_sys_path"):
            config.set_main_option("prepend_sys_path", str(self.root).replace("%", "%%"))
            config.set_main_option("path_separator", "os")
        config.config_file_name = None
        return config

    @cached_property
    def directory(self) -> ScriptDirectory:
        """Alembic's own view of the folder; raise ScriptFolderUnreadable."""
        if not (self.folder / "env.py").is_file():
            raise ScriptFolderUnreadable(str(self.folder), "there is no env.py in it")
        try:
            return ScriptDirectory.from_config(self.alembic_config())
        except CommandError as error:
            raise ScriptFolderUnreadable(str(self.folder), str(error)) from None

    @cached_property
    def release(self) -> Release:
        """Every revision in order; raise ScriptFolderUnreadable, ScriptUnreadable, MultipleHeads."""
        directory = self.directory
        try:
            heads, scripts = read(directory)
        except Exception as error:  # noqa: BLE001  (importing a script runs it, and it may raise anything)
            what = error.msg if isinstance(error, SyntaxError) else str(error)
            place = self._place_of(error)
            raise ScriptUnreadable(str(self.folder), f"{type(error).__name__}: {what}", place) from None
        if len(heads) > 1:
            raise MultipleHeads(" ".join(sorted(heads)))
        return build_release(self._facts(script) for script in reversed(scripts))

    def revisions_with(self, attribute: str) -> frozenset[str]:
        """Return the revisions whose scripts set a module attribute to True."""
        found = (self.directory.get_revision(revision.id) for revision in self.release.revisions)
        return frozenset(
            each.revision for each in found if each and getattr(each.module, attribute, False) is True
        )

    def _place_of(self, error: Exception) -> str:
        """Say in which script, and in which line, something went wrong; nothing where that is in none."""
        frames = [(frame.filename, frame.lineno) for frame in extract_tb(error.__traceback__)]
        if isinstance(error, SyntaxError):
            frames.append((error.filename or "", error.lineno))
        for name, line in reversed(frames):
            if Path(name).is_relative_to(self.folder):
                return f" ({Path(name).name}, line {line})"
        return ""

    def _facts(self, script: Script) -> tuple[str, tuple[str, ...], str, str, bytes]:
        path = Path(script.path)
        shown = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        parents = (*script._versioned_down_revisions, *script._resolved_dependencies)  # noqa: SLF001
        return script.revision, tuple(parents), script.doc, str(shown), path.read_bytes()


def read(directory: ScriptDirectory) -> tuple[list[str], list[Script]]:
    """Give the heads and all scripts; what Alembic only warns of would end in a KeyError, or in a guess."""
    with warnings.catch_warnings(), compiled_from_source():
        warnings.filterwarnings("error", message="Revision .* is (not present|present more than once)")
        return directory.get_heads(), list(directory.walk_revisions())


@contextmanager
def compiled_from_source() -> Iterator[None]:
    """Let what is imported be compiled from its source, whatever lies in ``__pycache__``.

    A cached file counts where the source's size and second of change are the same, so what ran could be
    another text than the one that was hashed and approved.
    """
    before = sys.pycache_prefix, sys.dont_write_bytecode
    sys.pycache_prefix, sys.dont_write_bytecode = str(Path(os.devnull) / "none"), True
    try:
        yield
    finally:
        sys.pycache_prefix, sys.dont_write_bytecode = before
