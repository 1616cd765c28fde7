from __future__ import annotations

from wish_rollout.core.plan.plan import at_stake
from wish_rollout.core.schema.change import Change
from wish_rollout.core.schema.delta import Delta


def test_what_has_no_values_of_its_own_is_not_at_stake() -> None:
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
    assert at_stake(Delta((*changes, replaced))) == "public.old.b, public.t"
