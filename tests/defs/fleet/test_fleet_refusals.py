"""What the jobs refuse for a fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet


@pytest.mark.parametrize(
    ("chosen", "text"),
    [
        ({"to": "base"}, "No target of 'tenants' is selected"),
        ({"targets": ["a"], "to": ""}, "There is no revision ''"),
    ],
)
def test_a_rollback_without_targets_or_revision_fails(
    fleet: Fleet, chosen: dict[str, object], text: str
) -> None:
    fleet.add("a")
    config = {"ops": {"roll_back_targets": {"config": {"environment": "tenants", **chosen}}}}

    outcome = fleet.workspace.run_job("rollback_targets", config)

    assert (outcome.success, outcome.exit_code) == (False, 2)
    assert text in str(outcome)
    assert fleet.revisions() == {"a": "0006"}


def test_a_soak_time_that_is_longer_than_a_run_may_take_is_refused(fleet: Fleet) -> None:
    (fleet.root / "tenants.txt").write_text("a\nb\n")
    fleet.configure('[[environment.wave]]\nmatch = "a"\nsoak = "7h"\n[[environment.wave]]\nrest = true\n')

    message = fleet.workspace.expect_error(2, "apply")

    assert "soak for 25200 s in all, and Dagster ends a run after 21600 s" in message
    assert fleet.workspace.revision("local") is None


def test_no_target_of_a_fleet_is_cleaned(fleet: Fleet) -> None:
    (fleet.root / "tenants.txt").write_text("a\n")

    message = fleet.workspace.expect_error(6, "apply", "--clean", "tenants")

    assert "no target of a fleet is cleaned" in message
