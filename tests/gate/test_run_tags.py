"""Tags that Dagster copied from another run are ignored."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from dagster._core.storage.tags import HIDDEN_TAG_PREFIX, SYSTEM_TAG_PREFIX

from tests.fix_project import REQUESTER
from wish_rollout.core.approval.documents import UNKNOWN_REQUESTER
from wish_rollout.defs.runs import run_tags
from wish_rollout.defs.runs.instance import open_instance

if TYPE_CHECKING:
    from tests.gate.conftest import Gate

ASKED = {run_tags.REQUESTER: "somebody@example.org"}
RUN = str(uuid.uuid4())
BY_US = {run_tags.LAUNCHED_BY: run_tags.COMMAND_LINE}


def run(tags: dict[str, str], parent: str | None = None) -> dg.DagsterRun:
    return dg.DagsterRun("rollout", run_id=RUN, tags=tags, parent_run_id=parent, root_run_id=parent)


@pytest.mark.parametrize(
    ("tags", "who"),
    [
        ({}, UNKNOWN_REQUESTER),
        (ASKED, ASKED[run_tags.REQUESTER]),
        ({**ASKED, **BY_US, run_tags.PROCESS: f"{RUN} here 1 2"}, ASKED[run_tags.REQUESTER]),
        ({**ASKED, **BY_US, run_tags.PROCESS: f"{uuid.uuid4()} here 1 2"}, UNKNOWN_REQUESTER),
        ({**ASKED, **BY_US}, UNKNOWN_REQUESTER),
        ({**ASKED, run_tags.RESUMES: "prod", run_tags.RUN_KEY: "approval:1"}, ASKED[run_tags.REQUESTER]),
        ({**ASKED, run_tags.RESUMES: "prod", run_tags.RUN_KEY: "prod:1"}, UNKNOWN_REQUESTER),
        ({**ASKED, run_tags.RESUMES: "prod"}, UNKNOWN_REQUESTER),
        ({run_tags.REQUESTER: ""}, UNKNOWN_REQUESTER),
    ],
)
def test_requester_is_read_from_the_tags_of_the_same_run(tags: dict[str, str], who: str) -> None:
    assert run_tags.requester_of_run(run(tags)) == who
    assert run_tags.requester_of_run(run(tags, str(uuid.uuid4()))) == UNKNOWN_REQUESTER


def test_release_tag_counts_only_with_the_run_key_of_the_sensor() -> None:
    resumed = {run_tags.RESUMES: "prod", run_tags.RELEASE: "r"}
    assert run_tags.approved_release(run(resumed)) == ""
    assert run_tags.approved_release(run({run_tags.RELEASE: "r"})) == ""
    assert run_tags.approved_release(run({**resumed, run_tags.RUN_KEY: "approval:1"})) == "r"


def test_run_from_the_launchpad_has_no_requester(gate: Gate) -> None:
    """The launchpad copies the configuration and the tags of a run without their origin."""
    first = gate.ask()
    assert first.requester == REQUESTER
    with open_instance(gate.workspace.project.config) as instance:
        (stopped, *_) = instance.get_runs(dg.RunsFilter(job_name="rollout"))
    assert stopped.tags[run_tags.AWAITING] == "prod"
    gate.policy("quorum = 2")  # so another request is made
    tags = {name: value for name, value in stopped.tags.items() if not name.startswith((".", "dagster/"))}
    tags[run_tags.PROCESS] = ""
    outcome = gate.workspace.run_job("rollout", tags=tags)
    assert (outcome.success, gate.requests()[0].requester) == (True, UNKNOWN_REQUESTER)
    gate.workspace.migrate("prod")
    outcome = gate.workspace.run_job("rollout", tags=tags)
    with open_instance(gate.workspace.project.config) as instance:
        passed = instance.get_run_by_id(outcome.run_id)
    assert passed
    assert [tag for tag in run_tags.COPYABLE_TAGS if passed.tags.get(tag)] == []


def test_ui_shows_no_technical_tag(gate: Gate) -> None:
    gate.ask()
    with open_instance(gate.workspace.project.config) as instance:
        (run,) = instance.get_runs(dg.RunsFilter(job_name="rollout"))
    shown = {name for name in run.tags if not name.startswith((HIDDEN_TAG_PREFIX, SYSTEM_TAG_PREFIX))}
    assert shown == {run_tags.LAUNCHED_BY, run_tags.REQUESTER, run_tags.AWAITING}
