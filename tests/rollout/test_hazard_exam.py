"""Single changes with the dangers that were measured on full tables: they are reported, and harmless ones are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.hazard_exam import BASE, EXAM_CASES, ROWS, Exam, fill
from tests.servers import databases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.sandbox.server import Server


@pytest.fixture
def exam(server: Server) -> Iterator[Exam]:
    with databases(server) as new:
        live = new()
        fill(live, BASE)
        fill(live, ROWS)

        def new_scratch() -> str:
            url = new()
            fill(url, BASE)
            return url

        yield Exam(live, new_scratch)


def test_dangers_are_reported_and_harmless_changes_are_not(
    exam: Exam, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(exam.live) as connection:
        version = connection.info.server_version // 10000
    for case in EXAM_CASES:
        if case.since > version:
            continue
        if not case.measured:
            with pytest.raises(Exception):  # noqa: B017, PT011  (the server or the helper refuses it)
                exam.hazards(case.upgrade)
            continue
        exam.score.add(case, version, exam.hazards(case.upgrade))
    with capsys.disabled():
        print(f"\nPostgreSQL {version}\n{exam.score}")  # noqa: T201  (the score is a result of this test)
    assert exam.score.share("hard") >= 0.98
    assert exam.score.share("breaks") >= 0.9
    assert exam.score.share("harmless") <= 0.02
    assert exam.score.share("locks") >= 0.95
