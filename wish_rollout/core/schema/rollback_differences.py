"""Differences that a downgrade may leave, and that the plan of a rollback foresees.

A column that a downgrade adds again is the last one of its table (manual, ALTER TABLE, ADD COLUMN), and a downgrade may
leave an extension, because other objects of the database may use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.schema.column_order import is_column_move
from wish_rollout.core.schema.delta import Delta

if TYPE_CHECKING:
    from wish_rollout.core.schema.change import Change


def unforeseen_after_rollback(left: Delta) -> Delta:
    """Return the part of a delta that no plan of a rollback foresees. ``left``: from the schema before to that after."""
    return Delta(tuple(change for change in left.changes if not _is_foreseen(change)))


def _is_foreseen(change: Change) -> bool:
    return is_column_move(change) or (change.kind, change.change) == ("extension", "added")
