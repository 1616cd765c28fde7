"""Up, rows, down, up, restore: of partitions that a release attaches, and of child tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rollout.archives import conftest

if TYPE_CHECKING:
    from tests.rollout.archives.conftest import ArchiveCase

EVENTS = "CREATE TABLE events (id int PRIMARY KEY, tenant int NOT NULL) PARTITION BY RANGE (id)"
OLD = "CREATE TABLE events_old (id int PRIMARY KEY, tenant int NOT NULL)"
NEW = "CREATE TABLE events_new PARTITION OF events FOR VALUES FROM (100) TO (200)"
ATTACH = "ALTER TABLE events ATTACH PARTITION events_old FOR VALUES FROM (0) TO (100)"
DETACH = "ALTER TABLE events DETACH PARTITION events_old"


@pytest.fixture(autouse=True)
def _allow(monkeypatch: pytest.MonkeyPatch) -> None:
    more = "allow_hazards = {{'attach-scan': 'few rows', 'required-column': 'no writers', "
    monkeypatch.setattr(conftest, "SCRIPT", conftest.SCRIPT.replace("allow_hazards = {{", more))


def test_value_of_a_default_that_is_dropped_is_replaced_in_partitions(case: ArchiveCase) -> None:
    case.revise([EVENTS, NEW], ["DROP TABLE events"])
    up = [
        "ALTER TABLE events ADD COLUMN mood text DEFAULT 'usual' NOT NULL",
        "ALTER TABLE events ALTER mood DROP DEFAULT",
    ]
    case.revise(up, ["ALTER TABLE events DROP COLUMN mood"], "0009", "0008")
    case.sql("insert into events values (101, 1, 'good'), (102, 1, 'bad')")
    case.rollback()
    case.again()
    (done,) = case.restore()
    assert (done.rows, done.left) == (2, 0)
    assert case.sql("select id, mood from events order by id") == [(101, "good"), (102, "bad")]
