from __future__ import annotations

from typing import Any

from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.core.schema.unmanaged_objects import Known, Unmanaged, count, known_in

OURS = Snapshot(
    {("schema", "public"): {}, ("table", "public.t"): {}, ("column", "public.t.a"): {"position": 1}}
)


def left_out(extra: dict[tuple[str, str], dict[str, Any]]) -> set[tuple[str, str]]:
    live = Snapshot({**OURS.objects, **extra})
    counted = count(live, Unmanaged.REPORT, lambda: known_in([OURS]))
    return set(live.objects) - set(counted.snapshot.objects)


def test_whole_objects_are_left_out_with_their_parts() -> None:
    theirs: dict[tuple[str, str], dict[str, Any]] = {
        ("table", "x.u"): {},
        ("column", "x.u.a"): {"position": 1},
        ("index", "x.i"): {"table": "x.u"},
        ("constraint", "x.u.c"): {"type": "check"},
    }
    assert left_out(theirs) == set(theirs)


def test_what_belongs_to_ours_is_never_left_out() -> None:
    assert not left_out(
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


def test_another_kind_under_our_name_is_ours() -> None:
    live = Snapshot({("view", "public.t"): {"definition": "SELECT 1"}})
    assert count(live, Unmanaged.IGNORE, lambda: known_in([OURS])).snapshot == live


def test_history_is_not_asked_where_everything_counts() -> None:
    def never() -> Known:
        raise AssertionError

    assert count(OURS, Unmanaged.FAIL, never).snapshot is OURS
