"""Wish Rollout applies an Alembic release to each environment in turn, and verifies the schema after each step."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_LAZY = {"RolloutComponent": "wish_rollout.component", "rollout_definitions": "wish_rollout.definitions"}
"""Public names for Dagster's code locations: imported on first use, because Dagster takes a second to import."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
