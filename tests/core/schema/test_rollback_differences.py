"""What a downgrade may leave without being irreversible."""

from __future__ import annotations

from wish_rollout.core.schema.change import Change
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.rollback_differences import unforeseen_after_rollback

MOVED = Change("column", "public.t.a", "changed", {"position": (2, 3)})
RETYPED = Change("column", "public.t.b", "changed", {"position": (2, 3), "type": ("text", "integer")})
EXTENSION = Change("extension", "citext", "added", {"schema": (None, "public")})
LOST_EXTENSION = Change("extension", "citext", "removed", {"schema": ("public", None)})
TABLE = Change("table", "public.t", "added", {})


def test_order_of_columns_and_extensions_that_are_left_are_foreseen() -> None:
    assert not unforeseen_after_rollback(Delta((MOVED, EXTENSION)))


def test_everything_else_is_not() -> None:
    left = unforeseen_after_rollback(Delta((MOVED, RETYPED, EXTENSION, LOST_EXTENSION, TABLE)))
    assert left.changes == (RETYPED, LOST_EXTENSION, TABLE)
