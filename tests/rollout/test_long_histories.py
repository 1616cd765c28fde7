"""A history of 10,000 revisions: what is computed of it grows no faster than the history."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from wish_rollout.core.release.release import build_release
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.revisions.records.recorded_schemas import Recorded, whole_schemas
from wish_rollout.revisions.records.revision_record import Record
from wish_rollout.rollout.project.continued_record import last_recorded_position
from wish_rollout.rollout.project.positions_by_objects import positions_with_objects_of
from wish_rollout.rollout.replay.walk_segments import segments

LENGTH = 10_000
SECONDS = 10
"""Of the processor; an algorithm that is quadratic takes minutes."""


def test_ten_thousand_revisions() -> None:
    names = [f"{number:05}" for number in range(1, LENGTH + 1)]
    parents = dict(zip(names, ["", *names[:-1]], strict=True))
    release = build_release(
        (name, (parents[name],) if parents[name] else (), "", f"{name}.py", name.encode()) for name in names
    )
    records = {
        name: Record(name, parents[name], {("table", f"public.t{name}"): {"owner": "x"}}) for name in names
    }
    started = time.process_time()
    (line,) = segments(release, (), frozenset(names))
    assert line.revisions == names
    recorded = Recorded((), Snapshot({}, set()), records, 18)
    project: Any = SimpleNamespace(release=release)
    assert last_recorded_position(project, recorded, 20) == (names[-21],)
    assert len(recorded.end((names[-1],)).objects) == LENGTH
    texts = dict.fromkeys(names, "x" * 100)
    assert 1 < sum(1 for _ in whole_schemas(recorded, texts)) < 30
    assert release.pending((names[-2],)) == release.revisions[-1:]
    for start in ((), (names[5_000],)):
        from_start = replace(release, start=start)
        assert [from_start.including_start((name,)) for name in names[5_000:]] == [
            (name,) for name in names[5_000:]
        ]
        assert from_start.includes_start((names[4_000],)) is not bool(start)
    assert time.process_time() - started < SECONDS


def test_positions_with_the_objects_of_a_live_schema() -> None:
    """A drifted database is compared with the schemas of these only."""
    names = [f"{number:05}" for number in range(1, LENGTH + 1)]
    parents = dict(zip(names, ["", *names[:-1]], strict=True))
    release = build_release((name, (parents[name],) * (name > "00001"), "", "", b"") for name in names)
    tables: dict[str, Any] = {name: {("table", f"public.t{name}"): {"owner": "x"}} for name in names}
    tables["07000"] = {("table", "public.t06999"): {"owner": "y"}, ("extension", "e"): {"schema": "public"}}
    tables["07001"] = {("table", "public.t00001"): None}
    history: Any = SimpleNamespace(
        project=SimpleNamespace(release=release),
        base=(),
        at=lambda _position: Snapshot({}, set()),
        record=lambda name: Record(name, parents[name], tables[name]),
        positions=[(name,) for name in reversed(names)],
    )
    at_07000 = {("table", f"public.t{name}"): {"owner": "x"} for name in names[:6_999]}
    started = time.process_time()
    for more, expected in (({}, ["07000", "06999"]), ({("index", "public.by_hand"): {}}, [])):
        live = Snapshot({**at_07000, ("schema", "platform"): {}, **more}, set())
        assert list(positions_with_objects_of(history, live)) == [(name,) for name in expected]
    assert time.process_time() - started < SECONDS


def test_positions_with_the_objects_of_a_live_schema_on_branches() -> None:
    parents = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
    release = build_release((name, before, "", "", b"") for name, before in parents.items())
    table: dict[str, Any] = {name: {("table", name): {"owner": "x"}} for name in parents}
    records = {
        name: Record(name, "".join(before[:1]), table[name], merged=table["c"] if name == "d" else {})
        for name, before in parents.items()
    }
    history: Any = SimpleNamespace(
        project=SimpleNamespace(release=release),
        base=(),
        at=lambda _position: Snapshot({}, set()),
        record=records.__getitem__,
        positions=[("d",), ("b", "c"), ("c",), ("b",), ("a",), ()],
    )
    for present, expected in (("abcd", "d"), ("ac", "c"), ("ab", "b"), ("a", "a"), ("abc", "")):
        live = Snapshot({key: value for name in present for key, value in table[name].items()}, set())
        found = [each for each in positions_with_objects_of(history, live) if len(each) == 1]
        assert found == [(name,) for name in expected]
