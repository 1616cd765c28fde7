"""The function of an application that returns its Alembic configuration, as ``[release] alembic_config`` names it.

Applications that run ``alembic.command`` themselves set version folders, options and attributes in code. The function
also is where they read the settings that their env.py needs.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from alembic.config import Config

from wish_rollout.core.errors.layouts import ConfigurationFunctionFailed
from wish_rollout.core.text.exception_text import describe_exception
from wish_rollout.revisions.script_folder.code_trace import CodeTrace
from wish_rollout.revisions.script_folder.driver_connections import intercept_drivers
from wish_rollout.revisions.script_folder.import_path import import_path
from wish_rollout.revisions.script_folder.process_settings import protect_process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class ConnectionOpened(Exception):
    """The function opens a connection while the release is read."""

    def __init__(self) -> None:
        super().__init__("it opens a database connection")


@dataclass(frozen=True)
class ConfigurationFunction:
    """The function ``name`` (``module:attribute``), with ``root`` on the import path."""

    root: Path
    name: str

    @cached_property
    def config(self) -> Config:
        """What the function returned: it is called once. Raises ConfigurationFunctionFailed."""
        try:
            with (
                self.trace.recording(),
                import_path(str(self.root), self.name.partition(":")[0]),
                protect_process(),
                intercept_drivers({}, _refuse),
            ):
                found: Any = self._load()()
        except ConnectionOpened as error:
            raise ConfigurationFunctionFailed(self.name, str(error)) from error
        except (Exception, SystemExit) as error:  # it is the application's code, and may raise anything
            raise ConfigurationFunctionFailed(self.name, describe_exception(error)) from error
        if not isinstance(found, Config):
            reason = f"it returned a {type(found).__name__}, and no alembic.config.Config"
            raise ConfigurationFunctionFailed(self.name, reason)
        self.trace.loaded |= self.trace.files
        return found

    @cached_property
    def trace(self) -> CodeTrace:
        """The files of the project that the function uses."""
        return CodeTrace(self.root, self.root)

    @property
    def files(self) -> tuple[Path | None, Path | None]:
        """The alembic.ini and the pyproject.toml that the function has chosen."""
        names = self.config.config_file_name, self.config.toml_file_name
        ini, toml = ((self.root / name) if name else None for name in names)
        return ini, toml

    def _load(self) -> Callable[[], Any]:
        module, _, attribute = self.name.partition(":")
        found: Any = importlib.import_module(module)
        path = getattr(found, "__file__", None)
        if path and (name := self.trace.name_of(path, is_module=True)):
            self.trace.files.add(name)
        for part in attribute.split("."):
            found = getattr(found, part)
        function: Callable[[], Any] = found
        return function


def _refuse(_driver: str) -> NoReturn:
    raise ConnectionOpened
