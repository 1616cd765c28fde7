"""Functions for revisions that change tables in use: ``from wish_rollout.safe import create_index_concurrently``."""

from __future__ import annotations

from wish_rollout.revisions.operations.backfill import backfill
from wish_rollout.revisions.operations.column_replacement import (
    add_column_copy,
    remove_enum_label,
    swap_columns,
)
from wish_rollout.revisions.operations.partition_operations import attach_partition, create_partitioned_index
from wish_rollout.revisions.operations.safe_operations import (
    add_check,
    add_foreign_key,
    create_index_concurrently,
    drop_index_concurrently,
    set_not_null,
)

__all__ = [
    "add_check",
    "add_column_copy",
    "add_foreign_key",
    "attach_partition",
    "backfill",
    "create_index_concurrently",
    "create_partitioned_index",
    "drop_index_concurrently",
    "remove_enum_label",
    "set_not_null",
    "swap_columns",
]
