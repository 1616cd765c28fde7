from __future__ import annotations

from wish_rollout.core.plan.values_to_archive import tables_and_columns_to_archive
from wish_rollout.core.schema.change import Change
from wish_rollout.core.schema.delta import Delta


def test_objects_without_stored_values_are_not_archived() -> None:
    added = [
        ("table", "public.t"),
        ("column", "public.t.a"),
        ("column", "public.old.b"),
        ("view", "public.v"),
        ("column", "public.v.a"),
        ("materialized view", "public.m"),
        ("column", "public.m.a"),
        ("column", "public.w.c"),
    ]
    changes = [Change(kind, name, "added", {"type": (None, "text")}) for kind, name in added]
    replaced = Change("view", "public.w", "changed", {"definition": ("SELECT 1", "SELECT 1, 2")})
    assert tables_and_columns_to_archive(Delta((*changes, replaced))) == "public.old.b, public.t"
