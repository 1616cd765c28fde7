"""The files that a rollout needs beside another Alembic project."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.revisions.script_folder.project_discovery import FoundProject

FILES = ("rollout.toml", "dagster.yaml", "workspace.yaml", ".gitignore")
DG_FILE, DG_FOLDER = "dg.toml", "rollout_location/defs/.gitkeep"
"""The project of Dagster's command dg, and a file in the folder in which dg looks for components."""
PLATFORM_FILE = "platform.sql"
VERSION_TABLE = 'version_table = "public.alembic_version"'


def write_project_files(
    folder: Path, database: str | None = None, section: str | None = None, function: str | None = None
) -> dict[str, bool]:
    """Write each file that is missing; return its name → whether it was written. Nothing is overwritten.

    ``database``: which of several databases of the project. ``section``: as ``alembic -n``. ``function``: that of the
    application that returns its Alembic Config. Raises what ``find_project`` raises.
    """
    written = {}
    for name in FILES:
        text = _template(name)
        if name == "rollout.toml" and not (folder / name).exists():
            text = Template(text).safe_substitute(release=_release(folder, database, section, function))
        written[name] = write_new(folder / name, text)
    return {**written, **_write_dg_files(folder)}


def _release(folder: Path, database: str | None, section: str | None, function: str | None) -> str:
    """Find the project, and return the lines of its table ``release``. Raises what ``find_project`` raises."""
    from wish_rollout.revisions.generation.models import is_other_value
    from wish_rollout.revisions.script_folder.project_discovery import find_project

    project = find_project(folder, database, section, function)
    if project.models and is_other_value(folder, project.models):
        project = replace(project, models=None)
    return release_lines(project, database, section, function)


def _template(name: str) -> str:
    files = resources.files("wish_rollout")
    return files.joinpath("templates", name.lstrip(".")).read_text(encoding="utf-8")


def _write_dg_files(folder: Path) -> dict[str, bool]:
    """Make the folder a project of Dagster's command dg, unless it is one."""
    pyproject = folder / "pyproject.toml"
    is_project = pyproject.is_file() and "[tool.dg" in pyproject.read_text(encoding="utf-8", errors="replace")
    if is_project or not write_new(folder / DG_FILE, _template(DG_FILE)):
        return {DG_FILE: False}
    name = f"src/{DG_FOLDER}" if (folder / "src").is_dir() else DG_FOLDER
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    return {DG_FILE: True, name: write_new(folder / name, "")}


def release_lines(
    project: FoundProject, database: str | None, section: str | None = None, function: str | None = None
) -> str:
    """Return the lines of the table ``release`` for a project."""
    if function:
        lines = [f'alembic_config = "{function}"  # returns the Alembic Config, with the script folder']
    else:
        lines = [f'migrations = "{project.migrations}"  # the script folder; its env.py is not changed']
    if project.alembic_ini:
        lines.append(f'alembic_ini = "{project.alembic_ini}"  # as alembic -c')
    if section:
        lines.append(f'alembic_section = "{section}"  # as alembic -n')
    if project.version_table:
        lines.append(f'version_table = "{project.version_table}"  # as env.py says')
    if database:
        lines.append(f'database = "{database}"  # of the several databases that env.py migrates')
    if project.uses_flask:
        lines.append('# flask_app = "package:create_app"  # if FLASK_APP, wsgi.py and app.py do not name it')
    models = project.models or "app.models:Base.metadata"
    lines.append(
        f'{"" if project.models else "# "}models = "{models}"  # the models, for `generate` and `check`'
    )
    return "\n".join(lines)


def add_platform(folder: Path, sql: str) -> dict[str, bool]:
    """Write the platform's SQL, and name it in rollout.toml; return file → whether it was written."""
    written = write_new(folder / PLATFORM_FILE, sql)
    path = folder / "rollout.toml"
    text = path.read_text(encoding="utf-8")
    named = "[release.platform]" in text
    if not named:
        table = f'[release.platform]              # what exists before the first revision\nsql = "{PLATFORM_FILE}"\n\n'
        head, mark, rest = text.partition("[[environment]]")
        path.write_text(head + table + mark + rest, encoding="utf-8")
    return {PLATFORM_FILE: written, "rollout.toml": not named}


def write_new(path: Path, text: str) -> bool:
    """Write a file unless it exists; return whether it was written."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    return True
