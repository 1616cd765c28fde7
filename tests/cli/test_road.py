"""The whole road: local → staging → gate → prod."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fix_project import Road


def test_the_road_ends_at_the_gate_until_its_plan_is_approved(each_road: Road) -> None:
    road = each_road

    stopped = road.cli("apply")
    assert stopped.code == 3
    assert "wish-rollout approve prod" in stopped.err
    assert [road.revision(name) for name in ("local", "staging", "prod")] == ["0007", "0007", None]

    approved = road.cli("approve", "prod", "--reason", "agreed in the change meeting", "--yes")
    assert (approved.code, "approved: prod; 1 of 1 approvals" in approved.out) == (0, True)

    done = road.cli("apply")
    assert done.code == 0
    assert road.revision("prod") == "0007"

    again = road.cli("apply")
    assert (again.code, again.out) == (0, "nothing to do: local, staging, prod are at 0007, in step\n")
    road.assert_nothing_left_to_do()
