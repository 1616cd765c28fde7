"""An Alembic script folder, read into a release."""

from __future__ import annotations

import os
import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.projects import BadAlembicConfiguration
from wish_rollout.core.errors.releases import MultipleHeads, ScriptFolderUnreadable, UnknownHeads
from wish_rollout.core.release.release import Release, build_release
from wish_rollout.revisions.script_folder.alembic_config import (
    NO_OPTIONS,
    ProjectConfig,
    ScriptOptions,
    set_url,
)
from wish_rollout.revisions.script_folder.code_trace import CodeTrace
from wish_rollout.revisions.script_folder.configuration_files import ConfigurationFiles
from wish_rollout.revisions.script_folder.import_path import add_import_path
from wish_rollout.revisions.script_folder.script_files import ScriptFiles, attribute_of
from wish_rollout.revisions.script_folder.script_loading import ScriptLoading
from wish_rollout.revisions.script_folder.version_folders import refuse_unread_scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alembic.script import Script

    from wish_rollout.revisions.script_folder.script_files import Place

USUAL_FOLDERS = ("migrations", "alembic")


class Scripts:
    """A script folder and the Alembic configuration that goes with it.

    ``root``: the folder of rollout.toml. ``folder``: where env.py is; None: what Alembic's configuration says.
    ``ini``: an alembic.ini; None: the one that ALEMBIC_CONFIG names, or the one beside ``root``, or beside the folder,
    or in it. Relative paths begin at the folder from which the configuration's script folder exists.
    ``heads``: the revisions that the release leads to if there are several heads. ``recorded``: returns what ``meta/`` of a
    script folder says of the places of scripts; if it has all, they are not executed before a module is needed.
    """

    def __init__(  # noqa: PLR0913, PLR0917  (where the scripts are, and what is known of them)
        self,
        root: Path,
        folder: Path | None = None,
        ini: Path | None = None,
        options: ScriptOptions = NO_OPTIONS,
        heads: tuple[str, ...] = (),
        recorded: Callable[[Path], Mapping[str, Place]] = lambda _folder: {},
    ) -> None:
        self.root = root
        self._recorded = recorded
        self.options = options
        self.heads = heads
        self._named = (root / folder).resolve() if folder else None
        self._chooses_folders = False
        self._configuration = ConfigurationFiles(root, self._named, root / ini if ini else None, options)

    @cached_property
    def folder(self) -> Path:
        """The folder of env.py. Raises BadAlembicConfiguration."""
        if self._named:
            return self._named
        places = [self.root / name for name in USUAL_FOLDERS]
        usual = next((place for place in places if (place / "env.py").is_file()), places[0])
        return self._configuration.script_location or usual.resolve()

    def alembic_config(self, url: str = "", attributes: dict[str, Any] | None = None) -> ProjectConfig:
        """Return a Config for one run of env.py, which reads ``url`` as its own.

        Raises BadAlembicConfiguration, SeveralDatabases.
        """
        config = self._configuration.config(attributes)
        if not config.get_alembic_option("script_location"):
            config.set_main_option("script_location", str(self.folder).replace("%", "%%"))
        set_url(config, url, self.options)
        return config

    @cached_property
    def trace(self) -> CodeTrace:
        """What the scripts import and read while they run."""
        trace = CodeTrace(self.root, self.folder)
        if self._configuration.function:
            trace.files |= self._configuration.function.trace.files
            trace.loaded |= self._configuration.function.trace.loaded
        return trace

    def configuration_files(self) -> tuple[Path | None, Path | None]:
        """Return the alembic.ini and the pyproject.toml that configure Alembic, each None if there is none."""
        return self._configuration.found[1:]

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
        if missing and (not self._configuration.function or len(missing) == len(places)):
            _, ini, toml = self._configuration.found
            reason = f"the version folder {missing[0]} does not exist"
            raise BadAlembicConfiguration(
                str(self.options.config_function or ini or toml or self.folder), reason
            )
        self._chooses_folders = bool(directory.version_locations)
        self._loading = ScriptLoading(self.folder, (self.folder, *map(Path, places)), self.trace)
        self._files = ScriptFiles(directory, self._recorded(self.folder), self.load)
        return directory

    @cached_property
    def release(self) -> Release:
        """Every revision in order.

        Raises ScriptFolderUnreadable, BadAlembicConfiguration, ScriptUnreadable, UnreadScripts, MultipleHeads.
        """
        scripts = self._scripts
        if not self._chooses_folders:
            refuse_unread_scripts(self.folder, {name: script.path for name, script in scripts.items()})
        whole = build_release(map(self._facts, scripts.values()))
        if self.heads:
            return whole.up_to(named_heads(self.directory, self.heads))
        if len(whole.head) > 1:
            raise MultipleHeads(" ".join(sorted(self.directory.get_heads())))
        return whole

    @cached_property
    def _scripts(self) -> Mapping[str, Script]:
        """All scripts by their revisions, each after its parents."""
        _ = self.directory
        with self._loading.explained():
            _ = self._files.sources  # to read thousands of files takes longer while it is traced
        with self._loading.traced():
            return self._files.read()

    def load(self) -> None:
        """Execute all scripts, as far as that was not done. Raises ScriptUnreadable."""
        _ = self._scripts
        if not all(script.is_executed for script in self._files.deferred):
            with self._loading.traced():
                self._files.execute()

    def revisions_with(self, attribute: str) -> frozenset[str]:
        """Return the revisions whose scripts set a module attribute to True."""
        scripts = (self._scripts[revision.id] for revision in self.release.revisions)
        return frozenset(each.revision for each in scripts if attribute_of(each, attribute) is True)

    @cached_property
    def sources(self) -> Mapping[str, bytes]:
        """The text of each revision's script, in the order of the release."""
        return {each.id: self._source(self._scripts[each.id]) for each in self.release.revisions}

    def _source(self, script: Script) -> bytes:
        return self._files.sources.get(script.path) or Path(script.path).read_bytes()

    def _facts(self, script: Script) -> tuple[str, tuple[str, ...], str, str, bytes]:
        # Path.relative_to() takes longer than all else here
        shown = script.path.removeprefix(os.path.join(self.root, ""))  # noqa: PTH118
        parents = (*script._versioned_down_revisions, *script._resolved_dependencies)  # noqa: SLF001
        return script.revision, tuple(parents), script.doc, shown, self._source(script)


def named_heads(directory: ScriptDirectory, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the revisions that ``[release] heads`` names, as Alembic resolves them; raise UnknownHeads."""
    try:
        found = directory.get_revisions(names)
    except CommandError as error:
        raise UnknownHeads(str(list(names)), str(error)) from None
    return tuple(script.revision for script in found if script)
