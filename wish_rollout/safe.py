"""Functions for revisions that change tables in use: ``from wish_rollout.safe import create_index_concurrently``."""

from __future__ import annotations

from wish_rollout.revisions.backfill import backfill
from wish_rollout.revisions.safe_operations import (
    add_check,
    add_foreign_key,
    create_index_concurrently,
    drop_index_concurrently,
    set_not_null,
)

__all__ = [
    "add_check",
    "add_foreign_key",
    "backfill",
    "create_index_concurrently",
    "drop_index_concurrently",
    "set_not_null",
]
