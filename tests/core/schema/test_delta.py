from __future__ import annotations

import pytest

from wish_rollout.core.errors.base import InvalidSnapshotFile
from wish_rollout.core.schema.change import Change
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta import Delta, DeltaDoesNotFit
from wish_rollout.core.schema.delta_rendering import render_markdown, render_text
from wish_rollout.core.schema.snapshot import Snapshot


def table(*columns: str) -> Snapshot:
    objects = {
        ("column", f"public.t.{column}"): {"position": place, "type": column[0]}
        for place, column in enumerate(columns, start=1)
    }
    return Snapshot({("table", "public.t"): {"owner": "$migrator"}, **objects})


def changed_columns(delta: Delta) -> list[tuple[str, str]]:
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
def test_delta_has_no_consequences_of_other_changes_and_is_exact(
    before: str, after: str, expected: list[tuple[str, str]]
) -> None:
    one, two = table(*before.split()), table(*after.split())
    delta = difference(one, two)
    assert sorted(changed_columns(delta)) == sorted(expected)
    assert delta.apply(one) == two
    assert difference(two, one) == delta.inverse()
    assert delta.inverse().apply(two) == one
    assert Delta.from_json(delta.to_json()) == delta


def test_delta_of_another_schema_does_not_fit() -> None:
    delta = difference(table("a"), table("a", "b"))
    with pytest.raises(DeltaDoesNotFit) as caught:
        delta.apply(table("a", "b"))
    assert (caught.value.kind, caught.value.name) == ("column", "public.t.b")
    with pytest.raises(DeltaDoesNotFit):
        delta.inverse().apply(table("a"))


def test_renamed_labels_are_found() -> None:
    change = Change("enum", "public.e", "changed", {"labels": (["a", "b"], ["a", "c"])})
    assert change.labels == {"b": "c"}
    moved = Change("enum", "public.e", "changed", {"labels": (["a", "b"], ["b", "a"])})
    assert moved.labels == {}


def test_informational_properties_are_compared_only_if_both_snapshots_have_them() -> None:
    def column(constraint: str, *readable: str) -> Snapshot:
        return Snapshot({("column", "public.t.a"): {"not null constraint": constraint}}, readable)

    readable = "not null constraint"
    assert not difference(column("1"), column("2", readable))
    assert difference(column("1", readable), column("2", readable))
    assert column("1", readable).fingerprint == column("2").fingerprint


@pytest.mark.parametrize("cut", [0, 1, 40, -2])
def test_truncated_or_invalid_snapshot_is_refused(cut: int) -> None:
    text = table("a").to_json()
    with pytest.raises(InvalidSnapshotFile):
        Snapshot.from_json(text[:cut])
    with pytest.raises(InvalidSnapshotFile):
        Snapshot.from_json(text.replace("public.t.a", "public.t.b"))
    with pytest.raises(InvalidSnapshotFile):
        Snapshot.from_json('{"format": "other"}')


def test_text_of_a_delta_has_the_form_of_a_diff() -> None:
    delta = difference(table("a", "b"), Snapshot({**table("a").objects, ("view", "public.v"): {"x": "1\n2"}}))
    assert render_text(delta) == (
        "  on public.t\n-     column b: b\n+ view public.v\n+     x:\n+         1\n+         2\n"
    )
    assert "\x1b[31m-     column b: b\x1b[0m" in render_text(delta, colour=True)


def test_control_characters_in_names_are_escaped() -> None:
    name = 'public."\x1b[2J\n```\n# x"'
    delta = difference(Snapshot(), Snapshot({("table", name): {"comment": "\x1b[0m\n```\n<b>"}}))
    shown = render_markdown(delta)
    assert "\x1b" not in shown
    fences = [line for line in shown.splitlines() if line.startswith("```")]
    assert fences == ["```diff", "```"]
