"""Run configurations from the Dagster UI cannot bypass the gate."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest

from tests.fix_project import APPROVER, REQUESTER
from tests.gate.conftest import now
from tests.gate.test_secrets import stored
from wish_rollout.config import load_config
from wish_rollout.core.approval.documents import ApprovalStatement, Request
from wish_rollout.core.approval.policy import Policy
from wish_rollout.core.approval.subject import Subject
from wish_rollout.core.errors.gate.signatures import InvalidApprovalDocument
from wish_rollout.defs.assets import PIPELINE
from wish_rollout.defs.code_location import build_definitions
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.approval_events import RecordedRequest, request_event
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.signing.verification import split_document

if TYPE_CHECKING:
    from tests.gate.conftest import Gate


def job_of() -> dg.JobDefinition:
    """Return a job of the code location."""
    return build_definitions(load_config()).resolve_job_def("rollout")


def resource(name: str, **config: Any) -> dict[str, Any]:
    """Return a run configuration of one resource."""
    return {"resources": {name: {"config": config}}}


def test_environment_without_a_gate_cannot_get_the_url_of_prod(gate: Gate) -> None:
    gate.add_earlier_environments()
    with pytest.raises(dg.DagsterInvalidConfigError):
        gate.workspace.run_job("rollout", resource("database_local", url={"env": "PROD_DATABASE_URL"}))
    assert gate.workspace.revision("prod") is None


def test_rollback_cannot_get_the_url_of_prod(gate: Gate) -> None:
    gate.add_earlier_environments()
    gate.workspace.migrate("prod")
    ops = {"ops": {"rollback_plan": {"config": {"environment": "local"}}}}
    with pytest.raises(dg.DagsterInvalidConfigError):
        gate.workspace.run_job(
            "rollback", {**ops, **resource("database_local", url={"env": "PROD_DATABASE_URL"})}
        )
    assert gate.workspace.revision("prod") == "0007"


def test_configuration_cannot_be_replaced(gate: Gate) -> None:
    other = gate.workspace.root / "other.toml"
    other.write_text((gate.workspace.root / "rollout.toml").read_text().split("[environment.approval]")[0])
    gate.workspace.edit("other.toml", "gated = true", "")
    with pytest.raises(dg.DagsterInvalidConfigError):
        gate.workspace.run_job("rollout", resource("project", config_path=str(other)))
    assert gate.workspace.revision("prod") is None


@pytest.mark.parametrize("name", ["io_manager", "rollout_files"])
def test_steps_cannot_read_inputs_of_others(gate: Gate, name: str) -> None:
    """Inputs of steps are unpickled, and a pickle can execute code."""
    folder = gate.workspace.root / "elsewhere"
    with pytest.raises(dg.DagsterInvalidConfigError):
        gate.workspace.run_job("rollout", resource(name, base_dir=str(folder)))
    assert not folder.exists()


def test_single_migration_step_checks_the_gate(gate: Gate) -> None:
    """As a re-execution of selected steps in the UI: the step of the gate is skipped."""
    gate.ask()
    config = gate.workspace.project.config
    with gate.workspace.as_current_project(), open_instance(config) as instance:
        (stopped, *_) = instance.get_runs(dg.RunsFilter(job_name="rollout"))
        steps = [f"{PIPELINE}.migrate_prod"]
        result = dg.execute_job(
            dg.reconstructable(job_of),
            instance,
            reexecution_options=dg.ReexecutionOptions(parent_run_id=stopped.run_id, step_selection=steps),
        )
        (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "WaitingAtGate" in str(failure.step_failure_data.user_failure_data)
    assert gate.workspace.revision("prod") is None


def test_break_glass_signs_the_requested_rollback_and_no_newer_one(gate: Gate) -> None:
    """Another job may make a request, and with --yes the signer does not read the request."""
    gate.workspace.migrate("prod")
    assert gate.workspace.cli("rollback", "prod").code == 3
    assert gate.workspace.cli("rollback", "prod", "--to", "base").code == 3
    options = ("--break-glass", "prod is down", "--yes", "--key", str(gate.keys[REQUESTER]))
    done = gate.workspace.cli("rollback", "prod", *options)
    assert (done.code, gate.workspace.revision("prod")) == (0, "0006"), done
    assert gate.ledger("act, revision_to")[-1] == ("rollback", "0006")
    with open_instance(gate.workspace.project.config) as instance:
        (document,) = approval_store.read_approval_documents(instance, "prod")
    assert "to: 0006" in document


@pytest.mark.parametrize("years", [0, 9])
def test_request_that_cannot_be_approved_is_not_the_open_request(gate: Gate, years: int) -> None:
    """A forged request for the current plan that nobody can approve must not prevent a new request."""
    good = gate.ask()
    begin = now() + timedelta(hours=1)
    forged = replace(
        good, requested=begin, expires=begin + timedelta(hours=1, days=365 * years), nonce="f" * 64
    )
    reject = {"environment": "prod", "nonce": good.nonce, "who": "x", "reason": "y"}
    assert gate.workspace.run_job("reject", {"ops": {"reject_request": {"config": reject}}}).success
    with open_instance(gate.workspace.project.config) as instance:
        event = request_event(RecordedRequest(forged))
        instance.report_runless_asset_event(event)
    stopped = gate.workspace.cli("apply")
    assert stopped.code == 3
    assert gate.requests()[0].nonce != "f" * 64


def test_rejection_is_escaped_and_remains_after_many_events(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = gate.ask()
    document = gate.document(request)
    assert gate.submit_approval(document)[0] == 0
    words = {"who": "a\u202eb", "reason": "no\x1b[2J\nerror: approved"}
    config = {"environment": "prod", "nonce": request.nonce, **words}
    assert gate.workspace.run_job("reject", {"ops": {"reject_request": {"config": config}}}).success
    monkeypatch.setattr(approval_store, "PAGE_SIZE", 5)  # otherwise 200 of them
    with open_instance(gate.workspace.project.config) as instance:
        for _ in range(approval_store.PAGE_SIZE + 1):
            instance.report_runless_asset_event(dg.AssetObservation(["approval", "prod_approval"]))
        said = approval_store.read_rejections(instance, "prod")
        assert said == {request.nonce: "a\\u202eb: no\\x1b[2J\\nerror: approved"}
        assert approval_store.read_approval_documents(instance, "prod") == []
    code, output = gate.submit_approval(document)
    assert code == 6
    assert [line for line in output.splitlines() if line.startswith("error: approved")] == []


def test_reason_of_an_approver_is_one_escaped_line(gate: Gate) -> None:
    words = ["fine\nbreak glass: no", "fine \u202etxet", "\x1b]0;title\x07", "a\u2028b", "\x85"]
    request = gate.ask()
    code, said = gate.approve(APPROVER, "--reason", "".join(words))
    assert code == 0, said
    with open_instance(gate.workspace.project.config) as instance:
        (document,) = approval_store.read_approval_documents(instance, "prod")
    text, _ = split_document(document)
    assert text.replace("\n", "").isprintable()
    assert text.count("\n") == request.text().count("\n") + 3
    assert not ApprovalStatement.from_text(text).break_glass
    for each in words:
        with pytest.raises(InvalidApprovalDocument):
            ApprovalStatement.from_text(text.replace("reason: ", f"reason: {each}"))


def test_request_is_found_for_any_table_names() -> None:
    hazards = ('drop-table table public."a, b"',)
    subject = Subject("prod", "shop", "rollback", "1", "2", "r", "p", "s", hazards, "18", "y", ())
    asked = RecordedRequest(Request(subject, "r", now(), now() + timedelta(hours=1), "a" * 64))
    with dg.DagsterInstance.ephemeral() as instance:
        instance.report_runless_asset_event(request_event(asked))
        found = approval_store.find_open_request(instance, subject, Policy("y"), "r")
        other = approval_store.find_open_request(instance, replace(subject, hazards=()), Policy("y"), "r")
    assert (found and found.request.nonce, other) == ("a" * 64, None)


ENV = {"env": "SECRET_OF_THE_WORKER"}


@pytest.mark.parametrize(
    ("job", "config"),
    [
        ("rollback", {"ops": {"rollback_plan": {"config": {"environment": ENV}}}}),
        ("rollback", {"ops": {"rollback_plan": {"config": {"environment": "local", "to": ENV}}}}),
        ("verify", {"ops": {"verify_environment": {"config": {"environment": ENV}}}}),
        ("drift_check", {"ops": {"check_drift": {"config": {"environments": [ENV]}}}}),
        ("approve", {"ops": {"approve_plan": {"config": {"environment": "prod", "approval": ENV}}}}),
        ("rollout", resource("choices", adopt=[ENV])),
        ("rollout", resource("database_local", url=ENV)),
        ("rollout", {"loggers": {"console": {"config": {"log_level": ENV}}}}),
        ("rollout", {"loggers": {"console": {"config": {"name": ENV}}}}),
        ("rollout", resource("io_manager", base_dir=ENV)),
    ],
)
def test_run_config_cannot_read_environment_variables(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, job: str, config: dict[str, Any]
) -> None:
    """Dagster lets a run configuration name an environment variable in place of a text."""
    secret = "s3cret-that-is-no-password-of-ours"
    monkeypatch.setenv("SECRET_OF_THE_WORKER", secret)
    gate.add_earlier_environments()
    gate.workspace.migrate("local")
    with suppress(dg.DagsterInvalidConfigError):
        gate.workspace.run_job(job, config)
    assert [place for place, text in stored(gate.workspace, at_least=10) if secret in text] == []
