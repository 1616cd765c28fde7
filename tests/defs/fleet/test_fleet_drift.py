"""The drift sensor of a fleet: slices, findings of groups, and their end."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from wish_rollout.core.errors.projects import DatabaseRoleFailed
from wish_rollout.core.fleet.results import TargetStatus
from wish_rollout.defs.fleet import drift_sensor
from wish_rollout.defs.fleet.assets import check_targets
from wish_rollout.defs.fleet.drift_sensor import FleetCursor, examine_slice
from wish_rollout.rollout.fleet.drift_pass import DriftPass
from wish_rollout.rollout.fleet.known_states import PASSES_UNTIL_UNREACHABLE, KnownState
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet
    from wish_rollout.core.plan.verdict import DriftAssessment

DRIFT = "create table by_hand (id integer)"


def tick(
    fleet: Fleet, cursor: str | None, logged: list[str] | None = None
) -> tuple[str | None, list[dg.AssetCheckEvaluation]]:
    """Return the cursor and the evaluations of a tick. ``logged``: what was logged is appended; else nothing may be."""
    lines: list[str] = []
    result = examine_slice(
        fleet.workspace.project, fleet.environment, FleetCursor.from_text(cursor), lines.append
    )
    if logged is None:
        assert lines == []
    else:
        logged += lines
    evaluations = [event for event in result.asset_events if isinstance(event, dg.AssetCheckEvaluation)]
    assert len(evaluations) == len(result.asset_events)
    return result.cursor, evaluations


def test_equal_drift_of_several_targets_is_one_finding_until_it_ends(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_sensor, "SLICE", 2)
    fleet.add("a", "b", "c")
    cursor, found = tick(fleet, None)
    assert found == []
    fleet.sql("c", DRIFT)

    cursor, found = tick(fleet, cursor)
    assert [each.description for each in found] == [
        "1 drifted at 0006: c: added column public.by_hand.id, added table public.by_hand"
    ]
    fleet.sql("a", DRIFT)
    cursor, found = tick(fleet, cursor)
    assert (FleetCursor.from_text(cursor).next_name, found) == ("a", [])
    cursor, found = tick(fleet, cursor)

    assert [each.description for each in found] == [
        "2 drifted at 0006: a, c: added column public.by_hand.id, added table public.by_hand"
    ]
    assert [each.passed for each in found] == [False]
    for _ in range(2):
        cursor, found = tick(fleet, cursor)
        assert found == []
    for name in ("a", "c"):
        fleet.sql(name, "drop table by_hand")
    events = []
    for _ in range(2):
        cursor, found = tick(fleet, cursor)
        events += found
    assert [each.passed for each in events][-1]


def test_a_lost_file_of_states_reports_no_end_of_drift(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_sensor, "SLICE", 1)
    fleet.add("a", "b")
    fleet.sql("a", DRIFT)
    cursor, _ = tick(fleet, None)
    cursor, found = tick(fleet, cursor)
    assert [each.passed for each in found] == [False]
    (fleet.root / ".dagster/fleets/tenants.json").write_text("{broken")

    for _ in range(2):
        cursor, found = tick(fleet, cursor)
        assert found == []


def test_a_target_is_unreachable_after_some_passes(fleet: Fleet) -> None:
    fleet.add("a")
    with (fleet.root / "tenants.txt").open("a") as file:
        file.write("gone\n")
    cursor = None
    for _ in range(PASSES_UNTIL_UNREACHABLE - 1):
        cursor, found = tick(fleet, cursor)
        assert found == []

    _, found = tick(fleet, cursor)

    assert [each.description for each in found] == ["1 unreachable at ?: gone: no answer in 3 passes"]


def test_a_known_state_is_kept_while_a_target_is_silent() -> None:
    known = KnownState("t", "r", "drifted", "0006", (), "f", "added table x", silent=1)

    expected = TargetStatus("a", "drifted", "0006", (), "f", "added table x", token="t", basis="r")
    assert known.status("a") == expected


def test_a_clean_fleet_has_a_passed_check_once(fleet: Fleet) -> None:
    fleet.add("a")
    cursor, found = tick(fleet, None)

    assert [(each.passed, each.description) for each in found] == [
        (True, "all 1 examined targets have the schema of their revision")
    ]
    assert tick(fleet, cursor)[1] == []


def test_drift_is_found_while_a_fleet_grows_faster_than_a_pass_lasts(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_sensor, "SLICE", 2)
    fleet.add("a", "b", "c")
    fleet.sql("a", DRIFT)
    cursor, events = tick(fleet, None)
    for name in ("early1", "early2"):
        fleet.add(name)
        cursor, found = tick(fleet, cursor)
        events += found

    assert [each.passed for each in events] == [False]
    fleet.sql("a", "drop table by_hand")
    monkeypatch.setattr(drift_sensor, "SLICE", 1)
    states = DriftPass(fleet.workspace.project, fleet.environment)
    fleet.add("late1", "late2")
    assert states.findings([target.name for target in fleet.targets])


def test_known_targets_are_examined_while_as_many_come_in_each_tick_as_it_examines(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_sensor, "SLICE", 2)
    fleet.add("known1", "known2")
    cursor, _ = tick(fleet, None)
    fleet.sql("known2", DRIFT)
    events = []
    for number in range(2):
        fleet.add(f"a{number}", f"b{number}")
        cursor, found = tick(fleet, cursor)
        events += found

    assert [each.passed for each in events] == [False]


def test_a_stamped_target_is_a_finding_although_its_catalog_has_not_changed(fleet: Fleet) -> None:
    fleet.add("a")
    cursor, _ = tick(fleet, None)
    fleet.sql("a", "update alembic_version set version_num = '0005'")

    cursor, found = tick(fleet, cursor)

    assert [each.passed for each in found] == [False]
    fleet.sql("a", "drop table alembic_version")
    assert len(tick(fleet, cursor)[1]) == 1


def test_two_targets_with_one_database_are_a_finding(fleet: Fleet) -> None:
    fleet.add("a")
    other = {"name": "b", "url": fleet.url("a").replace("127.0.0.1", "localhost")}
    with (fleet.root / "tenants.txt").open("a") as file:
        file.write(json.dumps(other) + "\n")
    text = "1 behind at 0006: b: The targets 'b' and 'a' of 'tenants' are the same database."

    assert [each.description for each in tick(fleet, None)[1]] == [text]
    of_all, no_drift = check_targets(fleet.workspace.project, fleet.environment, print)

    assert (no_drift.passed, no_drift.description) == (False, text)
    assert of_all.metadata is not None
    assert of_all.metadata["states"].value == ["1 behind at 0006: a", text]


def test_drift_is_found_where_states_cannot_be_written(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift_sensor, "SLICE", 1)
    fleet.add("a", "b")
    fleet.sql("a", DRIFT)
    shutil.rmtree(fleet.root / ".dagster", ignore_errors=True)
    (fleet.root / ".dagster").write_text("not a folder")
    logged: list[str] = []
    cursor, _ = tick(fleet, None, logged)

    _, found = tick(fleet, cursor, logged)

    assert [each.passed for each in found] == [False]
    assert len(logged) == 2
    assert "cannot be written" in logged[0]


@pytest.mark.parametrize(
    ("error", "text"),
    [(DatabaseRoleFailed("a", "no space left"), "The role a,"), (KeyError("x"), "KeyError: 'x'")],
)
def test_a_target_that_cannot_be_assessed_fails_no_tick(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, error: Exception, text: str
) -> None:
    fleet.add("a", "b")
    fleet.sql("b", DRIFT)
    fleet.sql("a", "update alembic_version set version_num = '0007'")
    assess = EnvironmentSchema.assess

    def assess_first(schema: EnvironmentSchema) -> DriftAssessment:
        if schema.position == ("0007",):
            raise error
        return assess(schema)

    monkeypatch.setattr(EnvironmentSchema, "assess", assess_first)
    cursor = None
    events = []
    for _ in range(PASSES_UNTIL_UNREACHABLE):
        cursor, found = tick(fleet, cursor)
        events += [each.description or "" for each in found]

    drift = "1 drifted at 0006: b: added column public.by_hand.id, added table public.by_hand"
    assert events[0] == drift
    assert f"1 unreachable at ?: a: not assessed in 3 passes: {text}" in events[1]
