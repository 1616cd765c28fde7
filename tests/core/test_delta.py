from __future__ import annotations

import pytest

from wish_rollout.core.errors.base import InvalidSnapshotFile
from wish_rollout.core.schema.change import Change
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta import Delta, DeltaDoesNotFit
from wish_rollout.core.schema.delta_rendering import markdown, terminal
from wish_rollout.core.schema.snapshot import Snapshot


def table(*columns: str) -> Snapshot:
    objects = {
        ("column", f"public.t.{column}"): {"position": place, "type": column[0]}
        for place, column in enumerate(columns, start=1)
    }
    return Snapshot({("table", "public.t"): {"owner": "$migrator"}, **objects})


def told(delta: Delta) -> list[tuple[str, str]]:
    return [(change.name.rpartition(".")[2], change.change) for change in delta.changes]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a b c", "a b c", []),
        ("a b c", "a c", [("b", "removed")]),
        ("a c", "a b c", [("b", "added")]),
        ("a b c", "b c a", [("a", "changed")]),
        ("a b c d", "d a b c", [("d", "changed")]),
        ("a1 b c", "a2 b c", [("a1", "renamed")]),
        ("a1 b c", "c a2 b", [("a1", "removed"), ("a2", "added"), ("c", "changed")]),
        ("a b c d e", "f e a d", [("b", "removed"), ("c", "removed"), ("e", "changed"), ("f", "added")]),
    ],
)
def test_only_what_happened_is_told_and_it_is_exact(
    before: str, after: str, expected: list[tuple[str, str]]
) -> None:
    one, two = table(*before.split()), table(*after.split())
    delta = difference(one, two)
    assert sorted(told(delta)) == sorted(expected)
    assert delta.apply(one) == two
    assert difference(two, one) == delta.inverse()
    assert delta.inverse().apply(two) == one
    assert Delta.from_json(delta.to_json()) == delta


def test_a_delta_from_elsewhere_does_not_fit() -> None:
    delta = difference(table("a"), table("a", "b"))
    with pytest.raises(DeltaDoesNotFit) as caught:
        delta.apply(table("a", "b"))
    assert (caught.value.kind, caught.value.name) == ("column", "public.t.b")
    with pytest.raises(DeltaDoesNotFit):
        delta.inverse().apply(table("a"))


def test_renamed_labels_are_told() -> None:
    change = Change("enum", "public.e", "changed", {"labels": (["a", "b"], ["a", "c"])})
    assert change.labels == {"b": "c"}
    moved = Change("enum", "public.e", "changed", {"labels": (["a", "b"], ["b", "a"])})
    assert moved.labels == {}


def test_noted_properties_count_only_where_both_sides_see_them() -> None:
    def extension(version: str, *readable_properties: str) -> Snapshot:
        return Snapshot({("column", "public.t.a"): {"not null constraint": version}}, readable_properties)

    seen = "not null constraint"
    assert not difference(extension("1"), extension("2", seen))
    assert difference(extension("1", seen), extension("2", seen))
    assert extension("1", seen).fingerprint == extension("2").fingerprint


@pytest.mark.parametrize("cut", [0, 1, 40, -2])
def test_a_truncated_or_foreign_snapshot_is_refused(cut: int) -> None:
    text = table("a").to_json()
    with pytest.raises(InvalidSnapshotFile):
        Snapshot.from_json(text[:cut])
    with pytest.raises(InvalidSnapshotFile):
        Snapshot.from_json(text.replace("public.t.a", "public.t.b"))
    with pytest.raises(InvalidSnapshotFile):
        Snapshot.from_json('{"format": "other"}')


def test_it_reads_like_a_diff() -> None:
    delta = difference(table("a", "b"), Snapshot({**table("a").objects, ("view", "public.v"): {"x": "1\n2"}}))
    assert terminal(delta) == (
        "  on public.t\n-     column b: b\n+ view public.v\n+     x:\n+         1\n+         2\n"
    )
    assert "\x1b[31m-     column b: b\x1b[0m" in terminal(delta, colour=True)


def test_hostile_names_cannot_act() -> None:
    name = 'public."\x1b[2J\n```\n# x"'
    delta = difference(Snapshot(), Snapshot({("table", name): {"comment": "\x1b[0m\n```\n<b>"}}))
    shown = markdown(delta)
    assert "\x1b" not in shown
    fences = [line for line in shown.splitlines() if line.startswith("```")]
    assert fences == ["```diff", "```"]
