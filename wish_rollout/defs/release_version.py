"""The code version of the assets, and the project of a run that a command executes itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wish_rollout.config import Config
    from wish_rollout.rollout.project.project import Project

_read: list[Project] = []


@contextmanager
def read_project(project: Project) -> Iterator[None]:
    """Have runs in this process use a project that a command has just read, instead of reading all scripts again."""
    _read.append(project)
    try:
        yield
    finally:
        _read.remove(project)


def project_at(path: Path) -> Project:
    """Return the project of a rollout.toml: the one of ``read_project``, else read now. Raises InvalidConfiguration."""
    from wish_rollout.rollout.project.project import Project

    return next((each for each in _read if each.config.path == path), None) or Project.load(path)


def code_version(config: Config) -> str:
    """Return the release's digest. Dagster shows an environment verified with another release as unsynced."""
    from wish_rollout.rollout.project.project import Project

    read = next((each for each in _read if each.config.path == config.path), None)
    return (read or Project(config)).release_digest
