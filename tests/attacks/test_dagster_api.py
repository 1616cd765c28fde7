"""Attacks with Dagster's API: other steps, inputs, tags, events, statuses and jobs. None reaches prod without an approval.

One gate serves all tries: each leaves prod as it is, and the approval still works at the end.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.execution.plan.objects import StepFailureData, StepSuccessData
from dagster._core.execution.plan.outputs import StepOutputData, StepOutputHandle

from tests.fix_project import APPROVER
from tests.gate.conftest import SECOND
from wish_rollout.config import load_config
from wish_rollout.defs.assets import PIPELINE
from wish_rollout.defs.code_location import build_definitions
from wish_rollout.defs.runs import run_tags
from wish_rollout.defs.runs.instance import open_instance

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.gate.conftest import Gate

GATE, MIGRATE, VERIFY = (f"{PIPELINE}.{name}" for name in ("manual_gate", "migrate_prod", "verify_prod"))
FORGED_TAGS = {
    run_tags.LAUNCHED_BY: run_tags.COMMAND_LINE,
    run_tags.RESUMES: "prod",
    run_tags.RUN_KEY: "approval:" + "0" * 64,
    run_tags.BREAK_GLASS: "prod is down",
    run_tags.REQUESTER: SECOND,
    "dagster/is_resume_retry": "true",
    "dagster/step_selection": MIGRATE,
    "dagster/executor": "in_process",
}


def job_named(name: str) -> Callable[[], dg.JobDefinition]:
    def job() -> dg.JobDefinition:
        return build_definitions(load_config()).resolve_job_def(name)

    return job


def rollout() -> dg.JobDefinition:
    return job_named("rollout")()


def rollback() -> dg.JobDefinition:
    return job_named("rollback")()


def all_assets() -> dg.JobDefinition:
    """The job behind the button Materialize."""
    return build_definitions(load_config()).get_repository_def().get_implicit_global_asset_job_def()


class Api:
    """What a person can do who reaches Dagster's API. ``said``: the errors of the failed steps, by try."""

    def __init__(self, gate: Gate, instance: dg.DagsterInstance) -> None:
        self.gate = gate
        self.instance = instance
        self.said: dict[str, str] = {}
        (self.stopped, *_) = instance.get_runs(dg.RunsFilter(job_name="rollout"))

    def launch(self, name: str, job: Callable[[], dg.JobDefinition] = rollout, **how: Any) -> None:
        """Launch a job; whether Dagster refuses it, a step fails or the gate stops it, prod has to be as it was."""
        self.said[name] = "refused by Dagster"
        with suppress(dg.DagsterError), dg.execute_job(dg.reconstructable(job), self.instance, **how) as done:
            failures = [event for event in done.all_events if event.is_step_failure]
            self.said[name] = " ".join(str(each.step_failure_data.user_failure_data) for each in failures)
        assert self.gate.workspace.revision("prod") is None, name

    def again(self, name: str, *steps: str, **how: Any) -> None:
        """Execute steps of the run that waits at the gate again."""
        options = dg.ReexecutionOptions(parent_run_id=self.stopped.run_id, step_selection=list(steps))
        self.launch(name, reexecution_options=options, **how)

    def store(self, kind: DagsterEventType, step: str, data: Any = None) -> None:
        """Add an event to the run that waits, as somebody can who writes to Dagster's database."""
        event = DagsterEvent(kind.value, "rollout", step_key=step, event_specific_data=data)
        self.instance.report_dagster_event(event, self.stopped.run_id)

    def materialize(self, *key: str) -> None:
        """Materialize an asset by hand."""
        event = dg.AssetMaterialization(list(key), metadata={"approved": "yes"})
        self.instance.report_runless_asset_event(event)


def select(api: Api) -> None:
    for op in ("migrate_prod*", "manual_gate,migrate_prod"):
        api.launch(f"op_selection {op}", op_selection=[f"{PIPELINE}.{each}" for each in op.split(",")])
    planned = {"prod": {"action": "upgrade", "verdict": "nothing"}}
    inputs = {"ops": {PIPELINE: {"ops": {"migrate_prod": {"inputs": {"planned": {"value": planned}}}}}}}
    api.launch("inputs in the configuration", op_selection=[MIGRATE], run_config=inputs)
    for job in (rollout, all_assets):
        api.launch(f"asset_selection {job.__name__}", job, asset_selection=[dg.AssetKey(["schema", "prod"])])


def execute_again(api: Api) -> None:
    api.again("selected steps", MIGRATE)
    api.again("the verification alone", VERIFY)
    api.again("forged tags", MIGRATE, tags=FORGED_TAGS)
    api.launch("forged tags without a parent", tags=FORGED_TAGS)


def forge_events(api: Api) -> None:
    api.store(
        DagsterEventType.STEP_OUTPUT, GATE, StepOutputData(StepOutputHandle(GATE, "result"), version="1")
    )
    api.store(DagsterEventType.STEP_SUCCESS, GATE, StepSuccessData(1.0))  # type: ignore[no-untyped-call]
    api.store(DagsterEventType.STEP_FAILURE, MIGRATE, StepFailureData(None, None))  # type: ignore[no-untyped-call]
    api.again("a forged success of the gate", MIGRATE, VERIFY)
    api.instance.report_run_failed(api.stopped)
    with suppress(dg.DagsterError):
        from_failure = dg.ReexecutionOptions.from_failure(api.stopped.run_id, api.instance)
        api.launch("from a forged failure", reexecution_options=from_failure)
    for key in (("schema", "prod"), ("approval", "prod"), ("release", "plan")):
        api.materialize(*key)
    check = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(["schema", "prod"]), check_name="approved", passed=True, metadata={}
    )
    api.instance.report_runless_asset_event(check)
    api.launch("materialized by hand")


def choose(api: Api) -> None:
    for choice in ("adopt", "replan", "clean"):
        config = {"resources": {"choices": {"config": {choice: ["prod"]}}}}
        api.launch(choice, run_config=config)
    api.again(
        "migrating step that adopts",
        MIGRATE,
        run_config={"resources": {"choices": {"config": {"adopt": ["prod"]}}}},
    )


def other_jobs(api: Api) -> None:
    config = {"ops": {"rollback_plan": {"config": {"environment": "prod", "to": "base"}}}}
    api.launch("rollback", rollback, run_config=config)


def test_no_use_of_the_api_passes_the_gate(gate: Gate) -> None:
    request = gate.ask()
    with gate.workspace.as_current_project(), open_instance(gate.workspace.project.config) as instance:
        api = Api(gate, instance)
        for attack in (select, execute_again, forge_events, choose, other_jobs):
            attack(api)
    assert len(api.said) >= 16
    reached = [name for name, text in api.said.items() if "WaitingAtGate" in text]
    assert {"selected steps", "forged tags", "a forged success of the gate"} <= set(reached), api.said
    assert gate.workspace.sql("prod", "select to_regclass('wish_rollout.ledger')") == [(None,)]
    assert gate.approve(APPROVER, "--nonce", request.nonce)[0] == 0
    assert gate.workspace.cli("apply").code == 0
