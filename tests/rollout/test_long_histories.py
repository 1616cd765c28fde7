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
