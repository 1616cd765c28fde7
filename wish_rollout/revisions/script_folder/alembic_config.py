"""The project's own Alembic configuration, read as ``alembic`` reads it when it is started in the project's folder."""

from __future__ import annotations

import argparse
import copy
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from wish_rollout.core.errors.projects import BadAlembicConfiguration, SeveralDatabases
from wish_rollout.core.text.exception_text import describe_exception
from wish_rollout.core.text.toml_text import parse_toml

if TYPE_CHECKING:
    from collections.abc import Mapping

MAIN_SECTION = "alembic"
DRIVER = "postgresql+psycopg"
"""A driver of SQLAlchemy that works for ordinary and for asynchronous engines, on 2.0 and 2.1."""
PLACEHOLDERS = ("driver",)


@dataclass(frozen=True)
class ScriptOptions:
    """What a command line of Alembic would say besides the file.

    ``section``: as ``-n``. ``arguments``: as ``-x``, each ``name=value``. ``database``: which of the databases of a
    project with several (Alembic's template multidb). ``flask_app``: as ``flask --app``. ``config_function``: the
    function of the application that returns its Config, as ``module:attribute``. ``declared``: what rollout.toml declares
    of revisions: attribute of a script → revision → reason. ``allowed``: the hazards that it allows: revision → kind → reason.
    """

    section: str = MAIN_SECTION
    arguments: tuple[str, ...] = ()
    database: str | None = None
    flask_app: str | None = None
    config_function: str | None = None
    declared: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    allowed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


NO_OPTIONS = ScriptOptions()


class ProjectConfig(Config):
    """An Alembic Config whose relative paths begin at ``start``, not at the process's working directory."""

    def __init__(self, start: Path, **options: Any) -> None:
        super().__init__(**options)
        self.start = start

    @cached_property
    def toml_alembic_config(self) -> Mapping[str, Any]:
        """The section [tool.alembic] of pyproject.toml. Raises CommandError if it is no table."""
        if self.toml_file_name is None or not (file := Path(self.toml_file_name)).exists():
            return {}
        self.toml_args["here"] = file.absolute().parent.as_posix()
        section = parse_toml(file.read_text(encoding="utf-8")).get("tool", {}).get("alembic", {})
        if not isinstance(section, dict):
            raise CommandError("[tool.alembic] is no table")
        return section

    def get_alembic_option(self, name: str, default: Any = None) -> Any:
        """Return an option of the main section, or of pyproject.toml."""
        value = super().get_alembic_option(name, default)
        return self._absolute(value) if name == "script_location" and isinstance(value, str) else value

    def get_version_locations_list(self) -> list[str] | None:
        """Return the version folders, or None for the default."""
        places = super().get_version_locations_list()
        return [self._absolute(place) for place in places if place] if places else None

    def get_prepend_sys_paths_list(self) -> list[str] | None:
        """Return what goes first onto the import path."""
        places = super().get_prepend_sys_paths_list()
        return [str(self.start / place) for place in places or () if place] or None

    def _absolute(self, place: str) -> str:
        """Return an absolute path; ``package:folder`` is Alembic's to find."""
        is_resource = ":" in place and not Path(place).is_absolute()
        return place if is_resource else str(self.start / place)


def read_config(  # noqa: PLR0913, PLR0917  (where the configuration is, and what is added to it)
    start: Path,
    ini: Path | None,
    toml: Path | None,
    options: ScriptOptions,
    attributes: dict[str, Any],
    prepared: Config | None = None,
) -> ProjectConfig:
    """Return the Config for one run of env.py. Raises BadAlembicConfiguration, SeveralDatabases.

    ``prepared``: a Config of the application, whose options and attributes are copied.
    """
    name = str(ini or toml or start)
    if prepared and options.section == MAIN_SECTION:
        options = replace(options, section=prepared.config_ini_section)
    config = ProjectConfig(
        start,
        file_=str(ini) if ini else None,
        toml_file=str(toml) if toml else None,
        ini_section=options.section,
        cmd_opts=_command_line(options, prepared),
        attributes={**(prepared.attributes if prepared else {}), **attributes},
    )
    if prepared:
        _take_over(config, prepared)
    try:
        sections = config.file_config.sections()
        names = (
            config.get_main_option("databases") if config.file_config.has_section(options.section) else None
        )
    except Exception as error:  # noqa: BLE001  (ConfigParser has a dozen)
        raise BadAlembicConfiguration(name, describe_exception(error)) from None
    if options.section != MAIN_SECTION and options.section not in sections:
        raise BadAlembicConfiguration(name, f"it has no section [{options.section}]")
    _choose_database(config, name, options, names or "")
    return config


def _take_over(config: ProjectConfig, prepared: Config) -> None:
    """Give ``config`` the options, the class and the own attributes of the application's object, which stays as it is.

    A class that cannot be combined with that of ``config`` is left out.
    """
    # the property is computed once, and the application may use its own object again
    config.__dict__["file_config"] = copy.deepcopy(prepared.file_config)
    if type(prepared) is not Config:
        with suppress(TypeError):  # a class that cannot be combined, such as one with __slots__
            config.__class__ = type(ProjectConfig.__name__, (ProjectConfig, type(prepared)), {})
    own = {name: value for name, value in vars(prepared).items() if not hasattr(Config, name)}
    vars(config).update({name: value for name, value in own.items() if name not in vars(config)})


def _command_line(options: ScriptOptions, prepared: Config | None) -> argparse.Namespace | None:
    """Return what env.py finds as ``config.cmd_opts``, as if ``alembic upgrade head`` had been called.

    None if an application calls ``alembic.command`` without a command line: some env.py files ask for that.
    """
    if prepared and prepared.cmd_opts is None and not options.arguments:
        return None
    arguments = options.arguments or getattr(prepared and prepared.cmd_opts, "x", None) or ()
    return argparse.Namespace(
        cmd=(command.upgrade, ["revision"], ["sql", "tag"]),
        revision="head",
        sql=False,
        tag=None,
        autogenerate=False,
        config=None,
        name=options.section,
        x=list(arguments) or None,
        raiseerr=True,
        quiet=False,
        verbose=False,
    )


def _choose_database(config: Config, path: str, options: ScriptOptions, names: str) -> None:
    """Let env.py of a project with several databases see the chosen one only."""
    known = [name for name in re.split(r",\s*", names.strip()) if name]
    if options.database is None:
        if len(known) > 1:
            raise SeveralDatabases(path, ", ".join(known))
        return
    if known and options.database not in known:
        reason = (
            f"rollout.toml says database = {options.database!r}, and its databases are {', '.join(known)}"
        )
        raise BadAlembicConfiguration(path, reason)
    config.set_main_option("databases", options.database)


def set_url(config: Config, url: str, options: ScriptOptions) -> None:
    """Let env.py read ``url`` as its own, with the driver that the project names.

    The address is not needed for connecting; but an engine can only be created from an address that is complete.
    """
    section = (
        options.database if options.database and config.file_config.has_section(options.database) else None
    )
    for place in filter(None, (config.config_ini_section, section)):
        known = config.file_config.has_option(place, "sqlalchemy.url")
        written = config.file_config.get(place, "sqlalchemy.url", raw=True) if known else ""
        config.set_section_option(place, "sqlalchemy.url", with_driver(url, written).replace("%", "%%"))


def with_driver(url: str, written: str) -> str:
    """Return ``url`` with the driver of the URL that the project has written."""
    scheme = re.match(r"(postgresql\+\w+)://", written)
    rest = url.partition("://")[2]
    return f"{scheme[1] if scheme else DRIVER}://{rest}"
