"""A complete rollout: local → staging → gate → prod."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Workspace


@pytest.mark.one_version
def test_rollout_stops_at_the_gate_until_the_plan_is_approved(each_workspace: Workspace) -> None:
    workspace = each_workspace

    stopped = workspace.cli("apply")
    assert stopped.code == 3
    assert "wish-rollout approve prod" in stopped.err
    assert [workspace.revision(name) for name in ("local", "staging", "prod")] == ["0007", "0007", None]

    approved = workspace.cli("approve", "prod", "--reason", "agreed in the change meeting", "--yes")
    assert (approved.code, "approved: prod; 1 of 1 approvals" in approved.out) == (0, True)

    done = workspace.cli("apply")
    assert done.code == 0
    assert workspace.revision("prod") == "0007"

    again = workspace.cli("apply")
    assert (again.code, again.out) == (0, "nothing to do: local, staging, prod are at 0007, in step\n")
    workspace.assert_plan_is_empty()
