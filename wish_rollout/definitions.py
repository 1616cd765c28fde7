"""Dagster's entry point: the definitions of the code location."""

from __future__ import annotations

import dagster as dg

from wish_rollout.config import load_config
from wish_rollout.defs.code_location import build_definitions
from wish_rollout.defs.runs.instance import refuse_taken_name_at_load
from wish_rollout.rollout.project.project_sandbox import stay_inside


@dg.definitions
def defs() -> dg.Definitions:
    """Return the assets, jobs, sensors and checks for the environments in rollout.toml."""
    config = load_config()
    stay_inside(config)
    refuse_taken_name_at_load(config)
    return build_definitions(config)
