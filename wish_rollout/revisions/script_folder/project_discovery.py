"""Finding an Alembic project in a folder, and what its env.py says about version table and models."""

from __future__ import annotations

from configparser import Error as ConfigParserError
from configparser import RawConfigParser
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.configuration import AlembicProjectNotFound
from wish_rollout.core.errors.layouts import ScriptLocationMissing
from wish_rollout.core.errors.projects import SectionMissing, SubfolderProject
from wish_rollout.revisions.script_folder.alembic_config import MAIN_SECTION, ScriptOptions
from wish_rollout.revisions.script_folder.env_options import EnvOptions
from wish_rollout.revisions.script_folder.flask_application import uses_flask
from wish_rollout.revisions.script_folder.scripts import USUAL_FOLDERS, Scripts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INI = "alembic.ini"
OTHER_SECTIONS = ("logger", "handler", "formatter", "post_write_hooks")
"""Sections of Python's logging and of Alembic's hooks, which have an option of [DEFAULT] as well."""
SKIPPED = ("node_modules", "site-packages", "__pycache__")
DEPTH = 3


@dataclass(frozen=True)
class FoundProject:
    """An Alembic project: what ``rollout.toml`` has to say about it.

    ``alembic_ini``: where the file is, if it is neither in the project's folder nor near the script folder.
    ``uses_flask``: env.py needs an application.
    """

    migrations: str
    version_table: str | None = None
    models: str | None = None
    uses_flask: bool = False
    alembic_ini: str | None = None


def find_project(
    folder: Path, database: str | None = None, section: str | None = None, function: str | None = None
) -> FoundProject:
    """Find the Alembic project of a folder, or of the application's ``function`` (``module:function``).

    Raises SectionMissing if its alembic.ini has other sections than ``section``, SubfolderProject if a folder below has
    a project, ScriptLocationMissing, AlembicProjectNotFound if none has, SeveralDatabases, BadAlembicConfiguration,
    ConfigurationFunctionFailed.
    """
    options = ScriptOptions(section or MAIN_SECTION, database=database, config_function=function)
    scripts, ini = Scripts(folder, options=options), None
    if not function:
        scripts = _with_usual_folder(scripts)
    if not _has_env(scripts):
        if section is None and (sections := _sections(folder)):
            raise SectionMissing(str(folder / INI), ", ".join(sections), sections[0])
        scripts, ini = _started_here(folder, options)
    config = scripts.alembic_config()
    env = scripts.folder / "env.py"
    shown = (
        scripts.folder.relative_to(folder.resolve())
        if scripts.folder.is_relative_to(folder.resolve())
        else scripts.folder
    )
    read = EnvOptions(env, config)
    return FoundProject(shown.as_posix(), read.version_table, read.models, uses_flask(env), ini)


def _started_here(folder: Path, options: ScriptOptions) -> tuple[Scripts, str]:
    """Return the scripts of an alembic.ini in a folder below, and its path, if ``alembic -c`` is started in ``folder``.

    Relative paths in the file then begin here. Raises SubfolderProject, ScriptLocationMissing, AlembicProjectNotFound.
    """
    below = list(_folders_below(folder))
    for child in below:
        scripts = Scripts(folder, ini=child / INI, options=options)
        with suppress(RolloutError):
            if (
                (child / INI).is_file()
                and _has_env(scripts)
                and not _has_env(Scripts(child, options=options))
            ):
                return scripts, (child / INI).relative_to(folder).as_posix()
    for child in below:
        if _is_project(child):
            raise SubfolderProject(str(folder), str(child.relative_to(folder)))
    if (folder / INI).is_file():
        place = Scripts(folder, options=options).folder
        shown = place.relative_to(folder) if place.is_relative_to(folder) else place
        raise ScriptLocationMissing(str(folder / INI), str(shown))
    raise AlembicProjectNotFound(str(folder))


def _has_env(scripts: Scripts) -> bool:
    return (scripts.folder / "env.py").is_file()


def _with_usual_folder(scripts: Scripts) -> Scripts:
    """Return the scripts of a usual folder, if the configuration leads to no script folder.

    In some projects alembic.ini is a template, in which the application replaces the script folder.
    """
    if not _has_env(scripts):
        for name in USUAL_FOLDERS:
            if (scripts.root / name / "env.py").is_file():
                return Scripts(scripts.root, scripts.root / name, options=scripts.options)
    return scripts


def _sections(folder: Path) -> list[str]:
    """Return the sections of alembic.ini that name a script folder, as for ``alembic -n``; none beside [alembic]."""
    parser = RawConfigParser(interpolation=None)
    with suppress(ConfigParserError, OSError, UnicodeDecodeError):
        parser.read(folder / INI, encoding="utf-8")
    if parser.has_section(MAIN_SECTION):
        return []
    return [
        name
        for name in parser.sections()
        if parser.has_option(name, "script_location") and not name.startswith(OTHER_SECTIONS)
    ]


def _folders_below(folder: Path) -> Iterator[Path]:
    """Yield the folders below, the nearest first."""
    level = [folder]
    for _ in range(DEPTH):
        level = [
            child
            for parent in level
            for child in sorted(parent.iterdir())
            if child.is_dir() and not child.name.startswith((".", "venv")) and child.name not in SKIPPED
        ]
        yield from level


def _is_project(folder: Path) -> bool:
    """Return whether a folder has an Alembic project, also one that cannot be read."""
    try:
        return bool(_sections(folder)) or _has_env(_with_usual_folder(Scripts(folder)))
    except RolloutError:
        return True
