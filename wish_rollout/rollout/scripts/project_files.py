"""Giving another Alembic project the files that a rollout needs."""

from __future__ import annotations

import configparser
from importlib import resources
from pathlib import Path
from string import Template

from wish_rollout.core.errors.configuration import AlembicProjectNotFound

FILES = ("rollout.toml", "dagster.yaml", "workspace.yaml", ".gitignore")


def found(folder: Path) -> dict[str, bool]:
    """Write each file that is missing; give its name → whether it was written. Nothing is overwritten.

    Raises AlembicProjectNotFound where no Alembic project begins.
    """
    if not (folder / "alembic.ini").is_file() and not (folder / script_folder(folder) / "env.py").is_file():
        raise AlembicProjectNotFound(str(folder))
    written = {}
    for name in FILES:
        text = (
            resources.files("wish_rollout")
            .joinpath("templates", name.lstrip("."))
            .read_text(encoding="utf-8")
        )
        if name == "rollout.toml":
            text = Template(text).substitute(migrations=script_folder(folder))
        try:
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
            written[name] = True
        except FileExistsError:
            written[name] = False
    return written


def script_folder(folder: Path) -> str:
    """Guess the Alembic script folder: what alembic.ini says, else the first folder with an env.py."""
    ini = configparser.ConfigParser(interpolation=None)
    if ini.read(folder / "alembic.ini") and ini.has_option("alembic", "script_location"):
        place = ini.get("alembic", "script_location").replace("%(here)s", str(folder))
        path = Path(place)
        return str(path.relative_to(folder)) if path.is_absolute() and path.is_relative_to(folder) else place
    for name in ("migrations", "alembic"):
        if (folder / name / "env.py").is_file():
            return name
    return "migrations"
