"""A baseline is found in what a platform explains, and applied to every later schema of the history."""

from __future__ import annotations

from typing import Any

from wish_rollout.core.environment.baseline import Baseline, apply_baseline, find_baseline
from wish_rollout.core.schema.column_order import follow_column_order
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.snapshot import Snapshot

Objects = dict[tuple[str, str], dict[str, Any]]
PUBLIC = ("schema", "public")
TABLE = ("table", "public.t")
DEFAULTS = ("default privileges", "FOR ROLE $migrator IN SCHEMA public ON TABLES")
BASE = Snapshot({PUBLIC: {}})
FIRST = Snapshot({PUBLIC: {}, TABLE: {"owner": "$migrator"}})


def live(*extra: Objects) -> Snapshot:
    objects: Objects = {PUBLIC: {}}
    for each in extra:
        objects.update(each)
    return Snapshot(objects)


def platform(**privileges: list[str]) -> Snapshot:
    return live({PUBLIC: {"privileges": privileges}, DEFAULTS: {"privileges": {"app": ["SELECT"]}}})


def test_platform_objects_are_accepted_and_others_are_not() -> None:
    seen = live(
        {PUBLIC: {"owner": "boss"}, ("extension", "citext"): {"schema": "public"}, ("table", "public.x"): {}}
    )
    baseline = find_baseline((), BASE, BASE, seen)
    assert [(change.kind, change.name) for change in baseline.accepted.changes] == [
        ("extension", "citext"),
        PUBLIC,
    ]
    left = difference(apply_baseline(BASE, baseline, BASE), seen)
    assert [change.name for change in left.changes] == ["public.x"]


def test_change_of_an_object_that_the_history_has_changed_is_not_accepted() -> None:
    promise = Snapshot({PUBLIC: {"privileges": {"app": ["USAGE"]}}})
    assert not find_baseline(("r1",), BASE, promise, BASE).accepted


def test_new_objects_have_the_default_privileges_and_older_ones_keep_theirs() -> None:
    seen = platform(app=["CREATE"])
    baseline = find_baseline((), BASE, BASE, seen)
    promised = apply_baseline(FIRST, baseline, BASE)
    assert promised.objects[TABLE]["privileges"] == {"app": ["SELECT"]}
    assert apply_baseline(FIRST, baseline, FIRST).objects[TABLE] == FIRST.objects[TABLE]


def test_privileges_of_history_and_platform_are_merged() -> None:
    baseline = find_baseline((), BASE, BASE, platform(app=["CREATE"]))
    promise = Snapshot({PUBLIC: {"privileges": {"app": ["USAGE"], "other": ["USAGE"]}}})
    merged = apply_baseline(promise, baseline, BASE).objects[PUBLIC]["privileges"]
    assert merged == {"app": ["CREATE", "USAGE"], "other": ["USAGE"]}


def test_baseline_survives_json() -> None:
    baseline = find_baseline((), BASE, BASE, platform(app=["CREATE"]))
    assert Baseline.from_dict(baseline.as_dict()) == baseline


def columns(*names: str) -> Snapshot:
    return Snapshot(
        {
            TABLE: {},
            **{("column", f"public.t.{name}"): {"position": place} for place, name in enumerate(names, 1)},
        }
    )


def test_columns_follow_the_live_order_and_new_ones_come_last() -> None:
    followed = follow_column_order(
        columns("a", "new", "b", "c2"), columns("b", "c", "a"), None, {"public.t.c2": "public.t.c"}
    )
    assert followed == columns("b", "c2", "a", "new")
    assert follow_column_order(columns("a", "b"), columns("b", "a"), {"public.other"}) == columns("a", "b")
    moves = difference(columns("a", "b"), columns("b", "a"))
    accepted = find_baseline((), columns("a", "b"), columns("a", "b"), columns("b", "a"), any_order=True)
    assert accepted.accepted == moves
    assert accepted.reordered_tables == {"public.t"}
