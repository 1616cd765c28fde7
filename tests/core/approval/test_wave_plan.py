"""The plans of a wave's targets: their digest is signed, so that each text but one is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from wish_rollout.core.approval.subject import Subject
from wish_rollout.core.approval.wave_plan import (
    SignedTarget,
    WavePlan,
    compared_with_target,
    wave_scope,
    wave_subject,
)
from wish_rollout.core.errors.gate.signatures import InvalidApprovalDocument

TARGETS = {name: SignedTarget("equal", f"{name} in 7", "empty") for name in ("a", "b")}
PLAN = WavePlan(wave_scope("canary"), {**TARGETS, "c": SignedTarget("other", "c in 7", "empty")}, ("gone",))


def test_a_plan_is_read_from_its_text() -> None:
    assert WavePlan.from_text(PLAN.text()) == PLAN
    assert WavePlan.from_text(PLAN.text()).digest == PLAN.digest
    assert PLAN.groups() == [("a", "b"), ("c",)]
    assert PLAN.place() == "wave canary: 3 targets"


@pytest.mark.parametrize(
    "path", ["scope", "uncovered", "targets.a.plan", "targets.a.database", "targets.a.ledger"]
)
def test_each_value_changes_the_digest(path: str) -> None:
    values = json.loads(PLAN.text())
    *parents, last = path.split(".")
    place = values
    for parent in parents:
        place = place[parent]
    place[last] = ["x"] if isinstance(place[last], list) else "x"

    assert WavePlan.from_dict(values).digest != PLAN.digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        PLAN.text().replace('"format": 1', '"format": 2'),
        PLAN.text().replace('"ledger": "empty"', '"ledger": 0'),
        PLAN.text().replace('"plan": "equal"', '"plan": "equal", "more": ""'),
        PLAN.text().replace('"scope"', '"more": 1, "scope"'),
    ],
)
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidApprovalDocument):
        WavePlan.from_text(text)


ONE = Subject("t/a", "a in 7", "upgrade", "0006", "0007", "r", "p", "s", ("h",), "18.6", "y", ("me",), "code")
OTHER = replace(
    ONE, environment="t/b", database="b in 7", start="base", schema="u", hazards=(), server="15.20"
)


def test_each_target_is_contained_in_the_subject_of_its_wave() -> None:
    for targets in ([ONE], [ONE, OTHER]):
        wave = wave_subject("t", PLAN, targets)
        assert [compared_with_target(wave, each) for each in targets] == [wave] * len(targets)


@pytest.mark.parametrize(
    "values", [{"act": "rollback"}, {"start": "0005"}, {"end": "0008"}, {"server": "14.1"}, {"schema": "v"}]
)
def test_signed_text_that_says_something_else_of_a_target_is_not_its_subject(values: dict[str, Any]) -> None:
    wave = wave_subject("t", PLAN, [ONE])
    assert compared_with_target(wave, replace(ONE, **values)) != wave
    if "schema" not in values:
        two = wave_subject("t", PLAN, [ONE, OTHER])
        assert compared_with_target(two, replace(ONE, **values)) != two
