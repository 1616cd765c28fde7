"""The files that configure Alembic for a script folder: which of them apply, and where relative paths begin."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.util import pyfiles

from wish_rollout.core.errors.projects import BadAlembicConfiguration
from wish_rollout.core.text.exception_text import describe_exception
from wish_rollout.revisions.script_folder.alembic_config import read_config
from wish_rollout.revisions.script_folder.configuration_function import ConfigurationFunction
from wish_rollout.revisions.script_folder.import_path import import_path

if TYPE_CHECKING:
    from alembic.config import Config

    from wish_rollout.revisions.script_folder.alembic_config import ProjectConfig, ScriptOptions

CONFIG_VARIABLE = "ALEMBIC_CONFIG"
"""Alembic's own variable for the name of its configuration file."""


@dataclass(frozen=True)
class ConfigurationFiles:
    """The alembic.ini and the pyproject.toml of a script folder.

    ``root``: the folder of rollout.toml. ``folder``: the script folder that rollout.toml names, or None. ``ini``: the
    alembic.ini that it names; None: the one that ALEMBIC_CONFIG names, or the one beside ``root``, or beside the
    folder, or in it.
    """

    root: Path
    folder: Path | None
    ini: Path | None
    options: ScriptOptions

    @cached_property
    def function(self) -> ConfigurationFunction | None:
        """The function that returns the application's Config, if rollout.toml names one."""
        name = self.options.config_function
        return ConfigurationFunction(self.root, name) if name else None

    @cached_property
    def found(self) -> tuple[Path, Path | None, Path | None]:
        """The folder where relative paths begin, alembic.ini and pyproject.toml. Raises BadAlembicConfiguration."""
        if self.function:
            ini, toml = self.function.files
        else:
            ini, toml = self.ini or self._nearest("alembic.ini"), self._nearest("pyproject.toml")
        if self.ini and not self.ini.is_file():
            raise BadAlembicConfiguration(str(self.ini), "there is no such file")
        for start in dict.fromkeys((self.root, *(file.parent for file in (ini, toml) if file))):
            location = self._location(start, ini, toml)
            if location and (location / "env.py").is_file() and self.folder in (None, location):
                return start, ini, toml
        location = self._location(self.root, ini, toml)
        if location and self.folder not in (None, location):  # the files are about another folder
            if self.ini or self.function:
                reason = (
                    f"its script_location is {location}, and rollout.toml says migrations = {self.folder}"
                )
                raise BadAlembicConfiguration(str(self.ini or self.options.config_function), reason)
            return self.root, None, None
        return self.root, ini, toml

    @property
    def script_location(self) -> Path | None:
        """The script folder that the files name, or None if they name none."""
        return self._location(*self.found)

    def config(self, attributes: dict[str, Any] | None = None) -> ProjectConfig:
        """Return a new Config that was read from the files."""
        return read_config(*self.found, self.options, attributes or {}, self._prepared)

    @property
    def _prepared(self) -> Config | None:
        return self.function.config if self.function else None

    def _nearest(self, name: str) -> Path | None:
        given = os.environ.get(CONFIG_VARIABLE)
        if given and (Path(given).name == "pyproject.toml") == (name == "pyproject.toml"):
            return self.root / given
        folders = (self.root, *((self.folder.parent, self.folder) if self.folder else ()))
        return next((folder / name for folder in folders if (folder / name).is_file()), None)

    def _location(self, start: Path, ini: Path | None, toml: Path | None) -> Path | None:
        config = read_config(start, ini, toml, self.options, {}, self._prepared)
        try:
            place = config.get_alembic_option("script_location")
            if not place:
                return None
            with import_path(str(start), place.partition(":")[0]):
                return Path(pyfiles.coerce_resource_to_filename(place)).resolve()
        except Exception as error:  # noqa: BLE001  (it may import a package, and read any text)
            raise BadAlembicConfiguration(str(ini or toml), describe_exception(error)) from None
