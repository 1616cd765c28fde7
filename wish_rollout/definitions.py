"""Dagster's entry point: the code location, built from rollout.toml."""

from __future__ import annotations

import dagster as dg

from wish_rollout.config import load_config
from wish_rollout.defs.code_location import build
from wish_rollout.rollout.project.project_sandbox import stay_inside


@dg.definitions
def defs() -> dg.Definitions:
    """Build assets, jobs, sensors and checks for the environments that rollout.toml declares."""
    config = load_config()
    stay_inside(config)
    return build(config)
