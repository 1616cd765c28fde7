from __future__ import annotations

from typing import Any

from wish_rollout.core.environment.unmanaged_objects import (
    ManagedNames,
    UnmanagedPolicy,
    managed_names,
    select_managed,
)
from wish_rollout.core.schema.snapshot import Snapshot

MANAGED = Snapshot(
    {("schema", "public"): {}, ("table", "public.t"): {}, ("column", "public.t.a"): {"position": 1}}
)


def unmanaged_objects(extra: dict[tuple[str, str], dict[str, Any]]) -> set[tuple[str, str]]:
    live = Snapshot({**MANAGED.objects, **extra})
    managed = select_managed(live, UnmanagedPolicy.REPORT, lambda: managed_names([MANAGED]))
    return set(live.objects) - set(managed.snapshot.objects)


def test_whole_objects_are_unmanaged_with_their_parts() -> None:
    unmanaged: dict[tuple[str, str], dict[str, Any]] = {
        ("table", "x.u"): {},
        ("column", "x.u.a"): {"position": 1},
        ("index", "x.i"): {"table": "x.u"},
        ("constraint", "x.u.c"): {"type": "check"},
    }
    assert unmanaged_objects(unmanaged) == set(unmanaged)


def test_parts_of_managed_objects_are_managed() -> None:
    assert not unmanaged_objects(
        {
            ("column", "public.t.b"): {"position": 2},
            ("index", "public.i"): {"table": "public.t"},
            ("trigger", "public.t.g"): {},
            ("table", "public.p"): {"partition of": "public.t"},
            ("table", "public.c"): {"inherits": ["public.t"]},
            ("sequence", "public.s"): {"owned by": "public.t.a"},
            ("statistics", "public.st"): {"definition": "ON a, b FROM public.t"},
        }
    )


def test_object_of_another_kind_with_a_managed_name_is_managed() -> None:
    live = Snapshot({("view", "public.t"): {"definition": "SELECT 1"}})
    assert select_managed(live, UnmanagedPolicy.IGNORE, lambda: managed_names([MANAGED])).snapshot == live


def test_managed_names_are_not_read_if_unmanaged_objects_are_drift() -> None:
    def not_called() -> ManagedNames:
        raise AssertionError

    assert select_managed(MANAGED, UnmanagedPolicy.FAIL, not_called).snapshot is MANAGED
