"""The plans of a wave's targets: their digest is signed, so that each text but one is refused."""

from __future__ import annotations

import json

import pytest

from wish_rollout.core.approval.wave_plan import SignedTarget, WavePlan, wave_scope
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
