"""Ways around the gate of a fleet: each is refused, most of them by the worker process of the target."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg

from tests.core.approval.test_wave_plan import PLAN
from tests.defs.fleet.test_fleet_rollout import job_of, materialize
from tests.fix_fleet import HEAD
from tests.fix_project import APPROVER
from tests.gate.conftest import now
from wish_rollout.core.approval.documents import ApprovalStatement, Request
from wish_rollout.core.approval.subject import Subject
from wish_rollout.core.approval.wave_plan import SignedTarget
from wish_rollout.core.fleet.results import Outcome, TargetResult
from wish_rollout.core.ledger import KnownRows
from wish_rollout.defs.code_location import build_definitions
from wish_rollout.defs.gate.approval_metadata import parse_request_metadata
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.rollout.approval.approvals import approval_text
from wish_rollout.rollout.execution.verification import verify_environment
from wish_rollout.rollout.fleet import target_work
from wish_rollout.rollout.fleet.target_work import APPLY, ROLLBACK, perform
from wish_rollout.rollout.fleet.wave_approvals import GATE, WaveApproval, gate_order
from wish_rollout.signing.ssh_keygen import find_keys, sign

if TYPE_CHECKING:
    import pytest

    from tests.defs.fleet.conftest import GatedFleet
    from wish_rollout.rollout.execution.verification import Verification
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target

NOT_GATED = """gated = true

[environment.approval]
allowed_signers = "approvers"
four_eyes = false
"""


class Forgery:
    """Orders for the worker of a target, made from an approved request for ``a``."""

    def __init__(self, gated: GatedFleet) -> None:
        recorded = gated.ask()
        gated.approve()
        assert recorded.wave
        self.gated, self.request, self.plan = gated, recorded.request, recorded.wave
        self.document = gated.documents()[0]

    def signed(self, request: Request) -> str:
        """Return an approval of a request with a valid signature."""
        text = ApprovalStatement(request, APPROVER, "agreed").text()
        (key,) = find_keys(self.gated.fleet.root / "home/.ssh/id_ed25519")
        return text + sign(text, key)

    def result(self, gate: dict[str, Any], name: str = "a") -> str:
        """Let a worker work on a target; return the class of the error, or the outcome."""
        found = self.work({"kind": APPLY, **gate}, name)
        return found.error.name if found.error else found.outcome.value

    def work(self, order: dict[str, Any], name: str = "a") -> TargetResult:
        """Let a worker work on a target."""
        project = self.gated.fleet.workspace.project
        (target,) = [each for each in self.gated.fleet.targets if each.name == name]
        database = project.target_at(target.environment, target.url)
        with self.gated.fleet.workspace.as_current_project():
            return TargetResult.from_dict(perform(project, database, order))

    def order(self, known: KnownRows | None = None, scope: str = "", **changes: Any) -> dict[str, Any]:
        """Return the gate of an order with the approval, after changes of its plan or documents."""
        documents = changes.pop("documents", (self.document,))
        approval = WaveApproval(replace(self.plan, **changes), documents)
        return {GATE: gate_order(scope or approval.plan.scope, [approval], {"a": known} if known else {})}


def test_a_worker_verifies_the_approval_itself(gated: GatedFleet) -> None:
    gated.fleet.add("a")
    forgery = Forgery(gated)
    gated.fleet.add("b")
    request, plan, order = forgery.request, forgery.plan, forgery.order
    added = {**plan.targets, "b": plan.targets["a"]}
    other = {"a": SignedTarget("x", plan.targets["a"].database, "empty")}

    def changed(**fields: Any) -> dict[str, Any]:
        subject = replace(request.subject, **fields)
        return order(documents=(forgery.signed(replace(request, subject=subject)),))

    assert forgery.result({}) == "WaitingAtGate"
    assert forgery.result(order(documents=())) == "WaitingAtGate"
    assert forgery.result(order(scope="wave other")) == "TargetNotApproved"
    assert forgery.result(order(), "b") == "TargetNotApproved"
    assert forgery.result(order(targets=added), "b") == "ApprovalForOtherDatabase"
    assert forgery.result(order(targets=added)) == "ApprovalForOtherDatabase"
    assert forgery.result(order(targets=other)) == "PlanChanged"
    assert forgery.result(order(uncovered=("x",))) == "ApprovalOutdated"
    assert (
        forgery.result(order(scope="wave all", documents=(approval_text(forgery.document),)))
        == "ApprovalNotSigned"
    )
    edited = forgery.document.replace("reason: agreed", "reason: anything")
    assert forgery.result(order(documents=(edited,))) == "ApprovalSignatureInvalid"
    assert forgery.result(changed(environment="others")) == "ApprovalForOtherDatabase"
    assert forgery.result(changed(database="wave other: 1 targets")) == "ApprovalForOtherDatabase"
    assert forgery.result(changed(release="0" * 64)) == "ApprovalOutdated"
    assert forgery.result(changed(policy="0" * 64)) == "ApprovalOutdated"
    assert forgery.result(changed(plan="0" * 64)) == "ApprovalOutdated"
    used = KnownRows((), {request.nonce: "by another run"})
    assert forgery.result(order(known=used)) == "ApprovalUsed"
    assert gated.fleet.revisions() == {"a": "0006", "b": "0006"}
    assert forgery.result(order()) == "done"
    assert gated.fleet.revisions() == {"a": HEAD, "b": "0006"}
    assert forgery.result(order()) == "unchanged"


def test_a_wave_without_a_gate_permits_no_rollback(gated: GatedFleet) -> None:
    gated.fleet.add("a")
    gated.fleet.configure('[[environment.wave]]\nname = "all"\nrest = true\ngate = false\n')
    gated.apply()
    assert gated.fleet.revisions() == {"a": HEAD}
    project = gated.fleet.workspace.project
    (target,) = gated.fleet.targets
    database = project.target_at(target.environment, target.url)
    order = {"kind": ROLLBACK, "to": "0006", GATE: gate_order("wave all", (), {})}

    with gated.fleet.workspace.as_current_project():
        found = TargetResult.from_dict(perform(project, database, order))

    assert found.error
    assert found.error.name == "WaitingAtGate"
    assert gated.fleet.revisions() == {"a": HEAD}


def test_the_use_of_an_approval_is_recorded_also_if_the_verification_fails(
    gated: GatedFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated.fleet.add("a")
    forgery = Forgery(gated)

    def change_and_verify(project: Project, target: Target, **options: Any) -> Verification:
        with psycopg.connect(target.url, autocommit=True) as session:  # another session, after the commit
            session.execute("CREATE TABLE meanwhile ()")
        return verify_environment(project, target, **options)

    monkeypatch.setattr(target_work, "verify_environment", change_and_verify)
    found = forgery.work({"kind": APPLY, **forgery.order()})

    assert found.error
    assert (found.outcome, found.error.name) == (Outcome.FAILED, "SchemaVerificationFailed")
    assert found.nonce == forgery.request.nonce
    assert found.ledger


def test_an_approval_is_not_valid_for_a_database_that_took_the_place_of_the_approved_one(
    gated: GatedFleet,
) -> None:
    gated.fleet.add("a")
    forgery = Forgery(gated)
    gated.fleet.add("b")
    url = gated.fleet.url("b")
    (gated.fleet.root / "tenants.txt").write_text(f'{{"name": "a", "url": "{url}"}}\n')

    assert forgery.result(forgery.order()) == "ApprovalForOtherDatabase"


def test_an_approval_of_another_text_than_the_recorded_request_is_not_recorded(gated: GatedFleet) -> None:
    gated.fleet.add("a")
    request = gated.ask().request
    file, workspace = gated.fleet.root / "handed-in", gated.fleet.workspace
    forgery = Forgery(gated)
    recorded = gated.documents()
    for changed in (
        replace(request, subject=replace(request.subject, plan="0" * 64)),
        replace(request, subject=replace(request.subject, hazards=("none-at-all",))),
        replace(request, nonce="0" * 64),
    ):
        file.write_text(forgery.signed(changed))
        assert workspace.cli("approve", "tenants", "--in", str(file)).code == 6
    assert gated.documents() == recorded

    asked = str(gated.fleet.root / "request.txt")
    assert workspace.cli("requests", "tenants", "--out", asked).code == 0
    signing = ("--request", asked, "--out", str(file), "--reason", "agreed", "--yes")
    assert workspace.cli("approve", "tenants", *signing).code == 0
    assert workspace.cli("approve", "tenants", "--in", str(file)).code == 0
    assert len(gated.documents()) == len(recorded) + 1


def test_a_list_of_targets_that_is_not_the_signed_one_makes_the_request_void() -> None:
    times = now(), now() + timedelta(hours=1)
    fields: dict[str, Any] = dict.fromkeys((each.name for each in dataclasses.fields(Subject)), "x")
    subject = Subject(**{**fields, "hazards": (), "authors": (), "plan": PLAN.digest})
    text = Request(subject, "somebody", *times, "0" * 64).text()
    other = replace(PLAN, targets={**PLAN.targets, "more": PLAN.targets["a"]})

    found = parse_request_metadata({"request": text, "targets": PLAN.text()}, "")

    assert found
    assert found.wave == PLAN
    assert parse_request_metadata({"request": text, "targets": other.text()}, "") is None


def test_partitions_of_a_gated_wave_are_changed_only_with_its_approval(gated: GatedFleet) -> None:
    fleet = gated.fleet
    fleet.add("a", "b")
    fleet.workspace.migrate("local")
    with open_instance(fleet.workspace.project.config) as instance:
        assert not materialize(fleet, instance, "a", "b")
        assert (fleet.revisions(), gated.errors()["a"]) == ({"a": "0006", "b": "0006"}, "WaitingAtGate")
        assert gated.requests() == []
        gated.ask()
        gated.approve()
        fleet.add("c")

        assert not materialize(fleet, instance, "a", "c")

    assert fleet.revisions() == {"a": HEAD, "b": HEAD, "c": "0006"}
    assert gated.errors()["c"] == "TargetNotApproved"


def test_the_single_step_of_a_gated_fleet_waits_for_the_approval(gated: GatedFleet) -> None:
    """As a re-execution of selected steps in the UI."""
    fleet = gated.fleet
    fleet.add("a")
    gated.ask()
    with open_instance(fleet.workspace.project.config) as instance, fleet.workspace.as_current_project():
        (stopped, *_) = instance.get_runs(dg.RunsFilter(job_name="rollout"))
        steps = ["rollout_pipeline.roll_out_tenants"]
        options = dg.ReexecutionOptions(parent_run_id=stopped.run_id, step_selection=steps)
        result = dg.execute_job(dg.reconstructable(job_of), instance, reexecution_options=options)

    assert result.success
    assert fleet.revisions() == {"a": "0006"}


def test_a_gate_that_is_removed_from_rollout_toml_is_missed(gated: GatedFleet) -> None:
    fleet = gated.fleet
    fleet.add("a")
    gated.ask()
    gated.approve()
    gated.apply()
    fleet.workspace.edit("rollout.toml", NOT_GATED, "")

    refused = fleet.workspace.cli("rollback", "tenants", "--target", "a", "--to", "0006")

    assert (refused.code, gated.errors()) == (1, {"a": "GateRemoved"})
    assert fleet.revisions() == {"a": HEAD}


def test_the_sensor_resumes_a_rollout_and_a_rollback_and_each_approval_is_used_once(
    gated: GatedFleet,
) -> None:
    fleet = gated.fleet
    fleet.add("a", "b")
    gated.ask()
    assert resumed(gated) == []
    gated.approve()
    assert resumed(gated) == ["rollout"]
    assert set(fleet.revisions().values()) == {HEAD}
    assert resumed(gated) == []

    gated.ask("rollback", "tenants", "--target", "a", "--to", "0006")
    gated.approve()
    assert resumed(gated) == ["rollback_targets"]
    assert fleet.revisions() == {"a": "0006", "b": HEAD}
    # the first approval has not expired, but was used
    assert gated.ask().request.subject.act == "upgrade"


def resumed(gated: GatedFleet) -> list[str]:
    """Evaluate the sensor once, and run what it requests with the tags of Dagster's daemon; return the jobs."""
    workspace = gated.fleet.workspace
    with workspace.as_current_project(), open_instance(workspace.project.config) as instance:
        sensor = build_definitions(workspace.project.config).resolve_sensor_def("resume_on_approval")
        result = sensor(dg.build_sensor_context(instance=instance))
    assert isinstance(result, dg.SensorResult)
    runs = list(result.run_requests or [])
    for run in runs:
        tags = {**run.tags, "dagster/run_key": str(run.run_key)}
        assert workspace.run_job(str(run.job_name), dict(run.run_config), tags).success
    return [str(run.job_name) for run in runs]
