"""Dagster's entry points: the project's own code location, and definitions for an existing one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.config import Config, load_config
from wish_rollout.defs.code_location import build_definitions, mergeable_definitions
from wish_rollout.defs.runs.instance import refuse_taken_name_at_load
from wish_rollout.rollout.servers.project_sandbox import stay_inside

if TYPE_CHECKING:
    import os


@dg.definitions
def defs() -> dg.Definitions:
    """Return the assets, jobs, sensors and checks for the environments in rollout.toml."""
    return build_definitions(_checked_config(None))


def rollout_definitions(path: str | os.PathLike[str] = "rollout.toml") -> dg.Definitions:
    """Return the assets, jobs, sensors, checks and resources of a project, to be merged into an existing code location.

    ``path``: of rollout.toml; a relative one begins at the working directory. Give the project a name (``[project]
    name``) if its names could be those of other definitions, and name the code location (``[dagster] location``).

    Raises InvalidConfiguration, and ProjectNameTaken if the Dagster instance has another project of that name.
    """
    return mergeable_definitions(_checked_config(Path(path).resolve()))


def _checked_config(path: Path | None) -> Config:
    config = load_config(path)
    stay_inside(config)
    refuse_taken_name_at_load(config)
    return config
