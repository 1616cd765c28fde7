"""Laws of snapshots and deltas, on schemas made up at random."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wish_rollout.core.schema.column_order import moved, placed
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.delta_rendering import markdown, terminal
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


# The first text that is made up takes seconds on a busy machine; that says nothing about ours.
settings.register_profile(
    "calm", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("calm")


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
def test_a_delta_leads_from_one_to_the_other_and_back(one: Snapshot, other: Snapshot) -> None:
    delta = difference(one, other)
    assert delta.apply(one) == other
    assert delta.inverse().apply(other) == one
    assert difference(other, one) == delta.inverse()
    assert bool(delta) == (one.fingerprint != other.fingerprint)
    assert terminal(delta) == "" or markdown(delta).endswith("```\n")


@given(snapshots())
def test_nothing_differs_from_itself(one: Snapshot) -> None:
    assert not difference(one, one)
    assert not difference(one, Snapshot.from_json(one.to_json()))


@given(snapshots(), snapshots())
def test_both_survive_json(one: Snapshot, other: Snapshot) -> None:
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
def test_columns_that_move_are_the_fewest_and_the_same_both_ways(order: list[str]) -> None:
    before = {name: place for place, name in enumerate("abcdefg", start=1)}
    places = {name: place for place, name in enumerate(order, start=1)}
    went = moved(before, places)
    assert went == moved(places, before)
    assert len(went) == len(order) - longest_common(sorted(order), order)
    fixed = {name: places[name] for name in went}
    assert placed([name for name in before if name not in went], fixed) == places


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=4))
def test_names_come_apart_where_they_were_joined(parts: list[str]) -> None:
    quoted = ['"' + part.replace('"', '""') + '"' for part in parts]
    assert split_last(".".join(quoted)) == (".".join(quoted[:-1]), quoted[-1])
