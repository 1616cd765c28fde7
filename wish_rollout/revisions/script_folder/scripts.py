"""An Alembic script folder, read into a release."""

from __future__ import annotations

import os
import warnings
from functools import cached_property
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.projects import BadAlembicConfiguration
from wish_rollout.core.errors.releases import (
    MultipleHeads,
    ScriptFolderUnreadable,
    ScriptUnreadable,
    UnknownHeads,
)
from wish_rollout.core.release.release import Release, build_release
from wish_rollout.core.text.exception_text import one_line
from wish_rollout.revisions.script_folder.added_items import added_items_noted
from wish_rollout.revisions.script_folder.alembic_config import (
    NO_OPTIONS,
    ProjectConfig,
    ScriptOptions,
    set_url,
)
from wish_rollout.revisions.script_folder.code_trace import CodeTrace
from wish_rollout.revisions.script_folder.configuration_files import ConfigurationFiles
from wish_rollout.revisions.script_folder.import_path import add_import_path
from wish_rollout.revisions.script_folder.version_folders import refuse_unread_scripts

if TYPE_CHECKING:
    from alembic.script import Script

USUAL_FOLDERS = ("migrations", "alembic")


class Scripts:
    """A script folder and the Alembic configuration that goes with it.

    ``root``: the folder of rollout.toml. ``folder``: where env.py is; None: what Alembic's configuration says.
    ``ini``: an alembic.ini; None: the one that ALEMBIC_CONFIG names, or the one beside ``root``, or beside the folder,
    or in it. Relative paths begin at the folder from which the configuration's script folder exists.
    ``heads``: the revisions that the release leads to if there are several heads.
    """

    def __init__(
        self,
        root: Path,
        folder: Path | None = None,
        ini: Path | None = None,
        options: ScriptOptions = NO_OPTIONS,
        heads: tuple[str, ...] = (),
    ) -> None:
        self.root = root
        self.options = options
        self.heads = heads
        self._named = (root / folder).resolve() if folder else None
        self._chooses_folders = False
        self._files = ConfigurationFiles(root, self._named, root / ini if ini else None, options)

    @cached_property
    def folder(self) -> Path:
        """The folder of env.py. Raises BadAlembicConfiguration."""
        if self._named:
            return self._named
        places = [self.root / name for name in USUAL_FOLDERS]
        usual = next((place for place in places if (place / "env.py").is_file()), places[0])
        return self._files.script_location or usual.resolve()

    def alembic_config(self, url: str = "", attributes: dict[str, Any] | None = None) -> ProjectConfig:
        """Return a Config for one run of env.py, which reads ``url`` as its own.

        Raises BadAlembicConfiguration, SeveralDatabases.
        """
        config = self._files.config(attributes)
        if not config.get_alembic_option("script_location"):
            config.set_main_option("script_location", str(self.folder).replace("%", "%%"))
        set_url(config, url, self.options)
        return config

    @cached_property
    def trace(self) -> CodeTrace:
        """What the scripts import and read while they run."""
        trace = CodeTrace(self.root, self.folder)
        if self._files.function:
            trace.files |= self._files.function.trace.files
            trace.loaded |= self._files.function.trace.loaded
        return trace

    def configuration_files(self) -> tuple[Path | None, Path | None]:
        """Return the alembic.ini and the pyproject.toml that configure Alembic, each None if there is none."""
        return self._files.found[1:]

    def version_folders(self) -> tuple[Path, ...]:
        """Return the folders of the revisions."""
        return tuple(Path(place) for place in self.directory._version_locations)  # noqa: SLF001

    @cached_property
    def directory(self) -> ScriptDirectory:
        """Alembic's own view of the folder. Raises ScriptFolderUnreadable, BadAlembicConfiguration, SeveralDatabases."""
        if not (self.folder / "env.py").is_file():
            raise ScriptFolderUnreadable(str(self.folder), "there is no env.py in it")
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"alembic\.")
                warnings.filterwarnings("ignore", message=".*path_separator")
                config = self.alembic_config()
                directory = ScriptDirectory.from_config(config)
                add_import_path(str(config.start))
                places = directory._version_locations  # noqa: SLF001
        except RolloutError:
            raise
        except Exception as error:  # noqa: BLE001  (a version folder may be named as one of a package)
            raise ScriptFolderUnreadable(str(self.folder), str(error)) from None
        missing = [place for place in places if not Path(place).is_dir()]
        # an application may compute a folder for each of its releases, and not each has revisions
        if missing and (not self._files.function or len(missing) == len(places)):
            _, ini, toml = self._files.found
            reason = f"the version folder {missing[0]} does not exist"
            raise BadAlembicConfiguration(
                str(self.options.config_function or ini or toml or self.folder), reason
            )
        self._chooses_folders = bool(directory.version_locations)
        return directory

    @cached_property
    def release(self) -> Release:
        """Every revision in order.

        Raises ScriptFolderUnreadable, BadAlembicConfiguration, ScriptUnreadable, UnreadScripts, MultipleHeads.
        """
        directory = self.directory
        try:
            with self.trace.recording(), added_items_noted(self.version_folders()):
                heads, scripts = read(directory)
            self.trace.loaded |= self.trace.files
        except Exception as error:  # noqa: BLE001  (importing a script runs it, and it may raise anything)
            text = error.msg if isinstance(error, SyntaxError) else str(error)
            place = self._place_of(error)
            raise ScriptUnreadable(
                str(self.folder), one_line(f"{type(error).__name__}: {text}"), place
            ) from None
        if not self._chooses_folders:
            refuse_unread_scripts(self.folder, [(script.revision, str(script.path)) for script in scripts])
        whole = build_release(self._facts(script) for script in reversed(scripts))
        if self.heads:
            return whole.up_to(named_heads(directory, self.heads))
        if len(whole.head) > 1:
            raise MultipleHeads(" ".join(sorted(heads)))
        return whole

    def revisions_with(self, attribute: str) -> frozenset[str]:
        """Return the revisions whose scripts set a module attribute to True."""
        found = (self.directory.get_revision(revision.id) for revision in self.release.revisions)
        return frozenset(
            each.revision for each in found if each and getattr(each.module, attribute, False) is True
        )

    def _place_of(self, error: Exception) -> str:
        """Return the script and the line in which something went wrong; empty if that is in none."""
        folders = [self.folder, *map(Path, self.directory._version_locations)]  # noqa: SLF001
        frames = [(frame.filename, frame.lineno) for frame in extract_tb(error.__traceback__)]
        if isinstance(error, SyntaxError):
            frames.append((error.filename or "", error.lineno))
        for name, line in reversed(frames):
            if any(Path(name).is_relative_to(folder) for folder in folders):
                return f" ({Path(name).name}, line {line})"
        return ""

    def _facts(self, script: Script) -> tuple[str, tuple[str, ...], str, str, bytes]:
        path = Path(script.path)
        # Path.relative_to() takes longer than all else here
        shown = str(path).removeprefix(os.path.join(self.root, ""))  # noqa: PTH118
        parents = (*script._versioned_down_revisions, *script._resolved_dependencies)  # noqa: SLF001
        return script.revision, tuple(parents), script.doc, shown, path.read_bytes()


def named_heads(directory: ScriptDirectory, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the revisions that ``[release] heads`` names, as Alembic resolves them; raise UnknownHeads."""
    try:
        found = directory.get_revisions(names)
    except CommandError as error:
        raise UnknownHeads(str(list(names)), str(error)) from None
    return tuple(script.revision for script in found if script)


def read(directory: ScriptDirectory) -> tuple[list[str], list[Script]]:
    """Return the heads and all scripts. What Alembic only warns of would end in a KeyError, or in a guess."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Revision .* is (not present|present more than once)")
        return directory.get_heads(), list(directory.walk_revisions())
