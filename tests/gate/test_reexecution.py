"""A re-executed run does not inherit the requester from the copied tags."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from tests.fix_project import as_program
from wish_rollout.core.approval.documents import UNKNOWN_REQUESTER
from wish_rollout.defs.code_location import build_definitions
from wish_rollout.defs.runs import run_tags
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.rollout.project.project import Project

if TYPE_CHECKING:
    from tests.gate.conftest import Gate


def rollout() -> dg.JobDefinition:
    """Return the job of the current project."""
    return build_definitions(Project.load(Path("rollout.toml").resolve()).config).resolve_job_def("rollout")


def execute_again(gate: Gate) -> dg.DagsterRun:
    """Re-execute the newest rollout with its tags, as the UI does."""
    with (
        as_program(gate.workspace.root, ["dagster"], StringIO(), StringIO()),
        open_instance(gate.workspace.project.config) as instance,
    ):
        parent = instance.get_runs(dg.RunsFilter(job_name="rollout"), limit=1)[0]
        options = dg.ReexecutionOptions(parent_run_id=parent.run_id)
        job = dg.reconstructable(rollout)
        tags = {tag: value for tag, value in parent.tags.items() if not tag.startswith("dagster/")}
        with dg.execute_job(job, instance, tags=tags, reexecution_options=options) as result:
            run = instance.get_run_by_id(result.run_id)
            assert run
            return run


def ours(run: dg.DagsterRun) -> dict[str, str]:
    return {tag: run.tags[tag] for tag in run_tags.COPYABLE_TAGS if run.tags.get(tag)}


def test_reexecution_does_not_inherit_the_requester(gate: Gate) -> None:
    gate.ask()
    gate.policy("quorum = 2")  # so another request is made

    run = execute_again(gate)

    assert run.status == dg.DagsterRunStatus.SUCCESS
    assert run_tags.REQUESTER not in ours(run)
    assert run.tags[run_tags.LAUNCHED_BY] == "Dagster"
    assert gate.requests()[0].requester == UNKNOWN_REQUESTER


def test_release_of_an_approved_run_does_not_block_the_next_run(gate: Gate) -> None:
    gate.ask()
    assert gate.approve()[0] == 0
    approved = {run_tags.RESUMES: "prod", run_tags.RELEASE: "another", run_tags.RUN_KEY: "approval:1"}
    tags = {**approved, run_tags.BREAK_GLASS: "prod was down"}
    stopped = gate.workspace.run_job("rollout", tags=tags)
    assert (stopped.success, "release was another" in stopped.error) == (False, True)

    run = execute_again(gate)

    assert (run.status, gate.workspace.revision("prod")) == (dg.DagsterRunStatus.SUCCESS, "0007")
    assert ours(run) == {}
    assert gate.ledger("who")[-1:] == [(UNKNOWN_REQUESTER,)]
