"""Exit status of ``dagster job execute``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from tests.fix_project import Workspace

COMMAND = [
    sys.executable,
    "-m",
    "dagster",
    "job",
    "execute",
    "-m",
    "wish_rollout.definitions",
    "-j",
    "rollout",
]


def test_job_execute_succeeds_when_the_run_waits_at_the_gate(workspace: Workspace) -> None:
    result = workspace.wait_for(workspace.process(COMMAND), seconds=120)
    assert result.code == 0, result
    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs()
    assert (run.status, run.tags["wish_rollout/awaiting_approval"]) == (dg.DagsterRunStatus.SUCCESS, "prod")
    assert [workspace.revision(name) for name in ("local", "staging", "prod")] == ["0007", "0007", None]


def test_job_execute_fails_when_a_step_fails(workspace: Workspace) -> None:
    workspace.sql("prod", "create table wishlist_items (id int)")
    result = workspace.wait_for(workspace.process(COMMAND), seconds=120)
    assert result.code != 0
    assert "'prod' already has objects that the release would create" in result.out + result.err
    assert workspace.revision("local") is None
