"""Settings of the environments' databases, which are no part of a schema, and where they differ."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.postgres.sessions.database_settings import read_database_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.rollout.project.project import Project


def describe_settings(project: Project) -> str:
    """Return the settings of each reachable environment's database, and which of them differ, as text."""
    found: dict[str, Mapping[str, str]] = {}
    for env in project.config.single_environments:
        with suppress(RolloutError), project.target(env.name).connect() as connection:
            found[env.name] = read_database_settings(connection)
    names = sorted({name for settings in found.values() for name in settings})
    if not names:
        return "no database has settings of its own (ALTER DATABASE … SET)"
    return "; ".join(_describe(name, found) for name in names)


def _describe(name: str, found: Mapping[str, Mapping[str, str]]) -> str:
    values = {environment: settings.get(name, "not set") for environment, settings in found.items()}
    if len(set(values.values())) == 1:
        return f"{name} = {next(iter(values.values()))}"
    listed = ", ".join(f"{environment}: {value}" for environment, value in values.items())
    return f"{name} differs ({listed})"
