"""Dagster gets a database of its own, or none: its tables in an environment's would be drift."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.fix_dagster import as_dagster_writes_it
from tests.fix_project import NO_TABLES

if TYPE_CHECKING:
    from tests.fix_project import Road

COMMANDS = (("requests",), ("apply",), ("rollback", "local"), ("approve", "prod", "--reason", "x", "--yes"))


def point_dagster(road: Road, patch: pytest.MonkeyPatch, url: str) -> None:
    patch.setenv("DAGSTER_POSTGRES_URL", as_dagster_writes_it(url))


def tables(road: Road, name: str) -> list[str]:
    found = road.sql(name, "select relname::text from pg_class where relnamespace = 'public'::regnamespace")
    return sorted(row[0] for row in found)


@pytest.mark.parametrize("spelling", ["127.0.0.1", "localhost"])
def test_an_environments_database_is_not_dagsters(
    road: Road, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    """Whether its tables are there already, or it is empty still."""
    for revision in (None, "0007"):
        if revision:
            road.migrate("local")
        before = tables(road, "local")
        point_dagster(road, monkeypatch, road.made["local"].replace("127.0.0.1", spelling))
        for command in COMMANDS:
            refused = road.cli(*command)
            assert (refused.code, "which is not Dagster's: it" in refused.err) == (2, True), refused
        doctor = road.cli("doctor")
        assert (doctor.code, "FAIL  dagster: DAGSTER_POSTGRES_URL leads to" in doctor.out) == (2, True)
        assert (tables(road, "local"), road.revision("local")) == (before, revision)


def test_a_database_that_holds_other_things_is_not_dagsters(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = road.add("canary")
    road.sql("canary", "create table orders (id int)")
    point_dagster(road, monkeypatch, other)
    refused = road.cli("requests")
    name = urlsplit(other).path[1:]
    assert (refused.code, f"the database {name}, which is not Dagster's: it holds orders" in refused.err) == (
        2,
        True,
    )
    assert tables(road, "canary") == ["orders"]


def test_an_empty_one_becomes_dagsters(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    road.edit("dagster.yaml", NO_TABLES, "")
    point_dagster(road, monkeypatch, road.add("canary"))
    for _ in range(2):
        assert road.cli("requests").code == 0
    assert {"runs", "event_logs", "secondary_indexes"} <= set(tables(road, "canary"))
    assert road.cli("doctor").code == 0


def test_two_environments_that_are_one_are_not_in_step(road: Road) -> None:
    road.migrate("local", "staging", "prod")
    assert road.cli("apply").code == 0
    road.point("staging", road.made["prod"])
    refused = road.cli("apply")
    assert (refused.code, "nothing to do" in refused.out) == (6, False), refused


def test_a_database_that_is_missing_is_a_row_of_the_status(road: Road) -> None:
    road.point("staging", road.made["staging"] + "x")
    told = road.cli("status")
    assert (told.code, told.out.splitlines()[2].split()[:2]) == (1, ["staging", "unreachable"]), told
