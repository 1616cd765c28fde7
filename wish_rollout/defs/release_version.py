"""The code version of the assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wish_rollout.config import Config


def code_version(config: Config) -> str:
    """Return the release's digest. Dagster shows an environment verified with another release as unsynced."""
    from wish_rollout.rollout.project.project import Project

    return Project(config).release_digest
