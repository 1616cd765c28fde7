"""Finding an Alembic project in a folder, and what its env.py says about version table and models."""

from __future__ import annotations

import ast
from configparser import Error as ConfigParserError
from configparser import RawConfigParser
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.configuration import AlembicProjectNotFound
from wish_rollout.core.errors.projects import SectionMissing, SubfolderProject
from wish_rollout.revisions.script_folder.alembic_config import MAIN_SECTION, ScriptOptions
from wish_rollout.revisions.script_folder.flask_application import uses_flask
from wish_rollout.revisions.script_folder.scripts import Scripts

if TYPE_CHECKING:
    from pathlib import Path

INI = "alembic.ini"
OTHER_SECTIONS = ("logger", "handler", "formatter", "post_write_hooks")
"""Sections of Python's logging and of Alembic's hooks, which have an option of [DEFAULT] as well."""
SKIPPED = ("node_modules", "site-packages", "__pycache__")
DEPTH = 3


@dataclass(frozen=True)
class FoundProject:
    """An Alembic project: what ``rollout.toml`` has to say about it. ``uses_flask``: env.py needs an application."""

    migrations: str
    version_table: str | None = None
    models: str | None = None
    uses_flask: bool = False


def find_project(folder: Path, database: str | None = None, section: str | None = None) -> FoundProject:
    """Find the Alembic project of a folder.

    Raises SectionMissing if its alembic.ini has other sections than ``section``, SubfolderProject if a folder below has
    a project, AlembicProjectNotFound if none has, SeveralDatabases, BadAlembicConfiguration.
    """
    scripts = Scripts(folder, options=ScriptOptions(section or MAIN_SECTION, database=database))
    if not (scripts.folder / "env.py").is_file():
        if section is None and (sections := _sections(folder)):
            raise SectionMissing(str(folder / INI), ", ".join(sections), sections[0])
        if below := _project_below(folder):
            raise SubfolderProject(str(folder), str(below.relative_to(folder)))
        raise AlembicProjectNotFound(str(folder))
    scripts.alembic_config()
    env = scripts.folder / "env.py"
    shown = (
        scripts.folder.relative_to(folder.resolve())
        if scripts.folder.is_relative_to(folder.resolve())
        else scripts.folder
    )
    table, models = _read_env(env)
    return FoundProject(shown.as_posix(), table, models, uses_flask(env))


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


def _project_below(folder: Path) -> Path | None:
    """Return the nearest folder below that has an Alembic project."""
    level = [folder]
    for _ in range(DEPTH):
        level = [
            child
            for parent in level
            for child in sorted(parent.iterdir())
            if child.is_dir() and not child.name.startswith((".", "venv")) and child.name not in SKIPPED
        ]
        for child in level:
            try:
                if _sections(child) or (Scripts(child).folder / "env.py").is_file():
                    return child
            except RolloutError:
                return child
    return None


def _read_env(env: Path) -> tuple[str | None, str | None]:
    """Return the version table and the models that env.py names literally, or None for each."""
    try:
        tree = ast.parse(env.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return None, None
    modules = {
        name.asname or name.name: f"{node.module}:{name.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        for name in node.names
    }
    options: dict[str, str] = {}
    models = None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("configure"):
            options |= {
                word.arg: word.value.value
                for word in node.keywords
                if word.arg and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str)
            }
        if isinstance(node, ast.Assign) and any(
            ast.unparse(each) == "target_metadata" for each in node.targets
        ):
            first, *rest = ast.unparse(node.value).split(".")
            if first in modules and all(part.isidentifier() for part in rest):
                models = ".".join((modules[first], *rest))
    if "version_table" not in options and "version_table_schema" not in options:
        return None, models
    schema, table = (
        options.get("version_table_schema", "public"),
        options.get("version_table", "alembic_version"),
    )
    return f"{schema}.{table}", models
