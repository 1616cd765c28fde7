"""A changed plan is described from its first difference on."""

from __future__ import annotations

import pytest

from wish_rollout.rollout.planning.plan_comparison import _describe_change

LONG = "INSERT INTO a VALUES (1, 'a text that is as long as texts in releases often are', '{}')"


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("upgrade", "nothing", "was upgrade, is nothing"),
        (
            ["SELECT 1", LONG.format("2026-01-01")],
            ["SELECT 1", LONG.format("2027-01-01")],
            "differ in number 2 of 2: was …ses often are', '2026-01-01'), is …ses often are', '2027-01-01')",
        ),
        (["SELECT 1"], ["SELECT 1", "SELECT 2"], "differ in number 2 of 2: was (none), is SELECT 2"),
    ],
)
def test_change_is_described_from_the_first_difference(before: object, now: object, expected: str) -> None:
    assert _describe_change(before, now) == expected
