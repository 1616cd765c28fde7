"""Whose a run's tags are: what Dagster copied from another run says nothing of this one."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from tests.fix_project import REQUESTER
from wish_rollout.core.approval.documents import UNKNOWN
from wish_rollout.defs.runs import run_tags
from wish_rollout.defs.runs.instance import open_instance

if TYPE_CHECKING:
    from tests.gate.conftest import Gate

ASKED = {run_tags.REQUESTER: "somebody@example.org"}
RUN = str(uuid.uuid4())
BY_US = {run_tags.BY: run_tags.COMMAND_LINE}


def run(tags: dict[str, str], parent: str | None = None) -> dg.DagsterRun:
    return dg.DagsterRun("rollout", run_id=RUN, tags=tags, parent_run_id=parent, root_run_id=parent)


@pytest.mark.parametrize(
    ("tags", "who"),
    [
        ({}, UNKNOWN),
        (ASKED, ASKED[run_tags.REQUESTER]),
        ({**ASKED, **BY_US, run_tags.WORKER: f"{RUN} here 1 2"}, ASKED[run_tags.REQUESTER]),
        ({**ASKED, **BY_US, run_tags.WORKER: f"{uuid.uuid4()} here 1 2"}, UNKNOWN),
        ({**ASKED, **BY_US}, UNKNOWN),
        ({**ASKED, run_tags.RESUMES: "prod", run_tags.RUN_KEY: "approval:1"}, ASKED[run_tags.REQUESTER]),
        ({**ASKED, run_tags.RESUMES: "prod", run_tags.RUN_KEY: "prod:1"}, UNKNOWN),
        ({**ASKED, run_tags.RESUMES: "prod"}, UNKNOWN),
        ({run_tags.REQUESTER: ""}, UNKNOWN),
    ],
)
def test_who_asked_is_known_where_the_tags_are_the_runs_own(tags: dict[str, str], who: str) -> None:
    assert run_tags.requester(run(tags)) == who
    assert run_tags.requester(run(tags, str(uuid.uuid4()))) == UNKNOWN


def test_a_release_holds_a_run_back_under_the_sensors_run_key_alone() -> None:
    goes_on = {run_tags.RESUMES: "prod", run_tags.RELEASE: "r"}
    assert run_tags.approved_release(run(goes_on)) == ""
    assert run_tags.approved_release(run({run_tags.RELEASE: "r"})) == ""
    assert run_tags.approved_release(run({**goes_on, run_tags.RUN_KEY: "approval:1"})) == "r"


def test_a_run_that_was_opened_in_the_launchpad_is_nobodys(gate: Gate) -> None:
    """The launchpad takes over a run's configuration and its tags, and says of neither where it is from."""
    first = gate.ask()
    assert first.requester == REQUESTER
    with open_instance(gate.road.project.config) as instance:
        (stopped, *_) = instance.get_runs(dg.RunsFilter(job_name="rollout"))
    assert stopped.tags[run_tags.AWAITING] == "prod"
    gate.policy("quorum = 2")  # so another request is made
    tags = {name: value for name, value in stopped.tags.items() if not name.startswith((".", "dagster/"))}
    outcome = gate.road.run("rollout", tags=tags)
    assert (outcome.success, gate.requests()[0].requester) == (True, UNKNOWN)
    gate.road.migrate("prod")
    outcome = gate.road.run("rollout", tags=tags)
    with open_instance(gate.road.project.config) as instance:
        passed = instance.get_run_by_id(outcome.run_id)
    assert passed
    assert [tag for tag in run_tags.COPYABLE_TAGS if passed.tags.get(tag)] == []
