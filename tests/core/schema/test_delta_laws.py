"""Laws of snapshots and deltas, on randomly generated schemas."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wish_rollout.core.schema.column_order import assign_positions, moved_columns
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.delta_rendering import render_markdown, render_text
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.snapshot import Snapshot

TEXT = st.text(max_size=6)
NAMES = st.sampled_from(["a", "b", "c", "d", "e", '"x.y"', '"q""t"'])
VALUES = st.one_of(
    TEXT, st.integers(), st.just(True), st.lists(TEXT, max_size=2), st.dictionaries(TEXT, TEXT, max_size=2)
)
PROPERTIES = st.dictionaries(
    st.sampled_from(["type", "default", "comment", "labels", "installed version"]), VALUES
)


# Generating the first text takes seconds on a busy machine, independent of the tested code.
settings.register_profile(
    "without_deadline", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("without_deadline")


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    objects: dict[tuple[str, str], Any] = {}
    for table in draw(st.lists(st.sampled_from(["public.t", 'public."u.v"']), unique=True)):
        objects["table", table] = draw(PROPERTIES)
        for place, column in enumerate(draw(st.lists(NAMES, unique=True)), start=1):
            objects["column", f"{table}.{column}"] = {"position": place, **draw(PROPERTIES)}
    for name in draw(st.lists(NAMES, unique=True)):
        objects["view", f"public.{name}"] = draw(PROPERTIES)
    return Snapshot(objects, draw(st.sets(st.just("not null constraint"))))


@given(snapshots(), snapshots())
def test_delta_and_its_inverse_can_be_applied(one: Snapshot, other: Snapshot) -> None:
    delta = difference(one, other)
    assert delta.apply(one) == other
    assert delta.inverse().apply(other) == one
    assert difference(other, one) == delta.inverse()
    assert bool(delta) == (one.fingerprint != other.fingerprint)
    assert render_text(delta) == "" or render_markdown(delta).endswith("```\n")


@given(snapshots())
def test_snapshot_does_not_differ_from_itself(one: Snapshot) -> None:
    assert not difference(one, one)
    assert not difference(one, Snapshot.from_json(one.to_json()))


@given(snapshots(), snapshots())
def test_snapshot_and_delta_can_be_restored_from_json(one: Snapshot, other: Snapshot) -> None:
    assert Snapshot.from_json(one.to_json()).to_json() == one.to_json()
    delta = difference(one, other)
    assert Delta.from_json(delta.to_json()).apply(one) == other


def longest_common(one: list[str], other: list[str]) -> int:
    if not one or not other:
        return 0
    if one[-1] == other[-1]:
        return 1 + longest_common(one[:-1], other[:-1])
    return max(longest_common(one[:-1], other), longest_common(one, other[:-1]))


@given(st.permutations(list("abcdefg")))
def test_fewest_columns_are_moved_and_the_same_ones_in_both_directions(order: list[str]) -> None:
    before = {name: position for position, name in enumerate("abcdefg", start=1)}
    places = {name: position for position, name in enumerate(order, start=1)}
    went = moved_columns(before, places)
    assert went == moved_columns(places, before)
    assert len(went) == len(order) - longest_common(sorted(order), order)
    fixed = {name: places[name] for name in went}
    assert assign_positions([name for name in before if name not in went], fixed) == places


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=4))
def test_joined_names_are_split_at_their_dots(parts: list[str]) -> None:
    quoted = ['"' + part.replace('"', '""') + '"' for part in parts]
    assert split_last(".".join(quoted)) == (".".join(quoted[:-1]), quoted[-1])
