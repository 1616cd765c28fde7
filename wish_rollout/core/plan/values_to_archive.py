"""The tables and columns that a release adds, whose values a rollback must archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.schema.delta import Delta


KINDS_WITHOUT_ROWS = ("view", "materialized view", "foreign table")
"""Kinds that have columns, but store no values that must be archived."""


def tables_and_columns_to_archive(promised: Delta) -> str:
    """Return the tables and columns that a delta adds, whose values a rollback must archive."""
    added = [change for change in promised.changes if change.change == "added"]
    tables = {change.name for change in added if change.kind == "table"}
    covered = tables | {change.name for change in promised.changes if change.kind in KINDS_WITHOUT_ROWS}
    columns = {
        change.name
        for change in added
        if change.kind == "column" and split_last(change.name)[0] not in covered
    }
    return ", ".join(sorted(tables | columns))
