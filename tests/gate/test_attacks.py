"""What somebody who reaches Dagster's UI can try with a run's configuration: none of it gets round the gate."""

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
from wish_rollout.core.approval.documents import Request, Statement, Subject
from wish_rollout.core.approval.policy import Policy
from wish_rollout.core.errors.signatures import InvalidApprovalDocument
from wish_rollout.defs.assets import PIPELINE
from wish_rollout.defs.code_location import build
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.approval_events import RowRequirement, request_event
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.signing.verification import split

if TYPE_CHECKING:
    from tests.gate.conftest import Gate


def job_of() -> dg.JobDefinition:
    """Give the job that is executed, as a program that loads the code location would."""
    return build(load_config()).resolve_job_def("rollout")


def resource(name: str, **config: Any) -> dict[str, Any]:
    """Write a run's configuration of one resource, as the launchpad takes it."""
    return {"resources": {name: {"config": config}}}


def test_an_environment_without_a_gate_cannot_be_pointed_at_prod(gate: Gate) -> None:
    gate.with_those_before()
    outcome = gate.road.run("rollout", resource("database_local", url={"env": "PROD_DATABASE_URL"}))
    assert gate.road.revision("prod") is None
    assert (outcome.success, outcome.error_class) == (False, "Overridden")


def test_a_rollback_cannot_be_pointed_at_prod(gate: Gate) -> None:
    gate.with_those_before()
    gate.road.migrate("prod")
    ops = {"ops": {"rollback_environment": {"config": {"environment": "local"}}}}
    outcome = gate.road.run(
        "rollback", {**ops, **resource("database_local", url={"env": "PROD_DATABASE_URL"})}
    )
    assert gate.road.revision("prod") == "0007"
    assert (outcome.success, outcome.error_class) == (False, "Overridden")


def test_another_configuration_cannot_be_put_in_place_of_this_one(gate: Gate) -> None:
    other = gate.road.root / "other.toml"
    other.write_text((gate.road.root / "rollout.toml").read_text().split("[environment.approval]")[0])
    gate.road.edit("other.toml", "gated = true", "")
    with pytest.raises(dg.DagsterInvalidConfigError):
        gate.road.run("rollout", resource("project", config_path=str(other)))
    assert gate.road.revision("prod") is None


def test_steps_cannot_be_made_to_read_what_somebody_else_put_somewhere(gate: Gate) -> None:
    """What they hand on is unpickled, and a pickle is a program."""
    folder = gate.road.root / "elsewhere"
    with pytest.raises(dg.DagsterInvalidConfigError):
        gate.road.run("rollout", resource("io_manager", base_dir=str(folder)))
    assert not folder.exists()


def test_a_run_of_the_migrating_step_alone_meets_the_gate_there(gate: Gate) -> None:
    """As the UI's re-execution of chosen steps does: the gate's own step is left out."""
    gate.ask()
    config = gate.road.project.config
    with gate.road.here(), open_instance(config) as instance:
        (stopped, *_) = instance.get_runs(dg.RunsFilter(job_name="rollout"))
        steps = [f"{PIPELINE}.migrate_prod"]
        result = dg.execute_job(
            dg.reconstructable(job_of),
            instance,
            reexecution_options=dg.ReexecutionOptions(parent_run_id=stopped.run_id, step_selection=steps),
        )
        (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "WaitingAtGate" in str(failure.step_failure_data.user_failure_data)
    assert gate.road.revision("prod") is None


def test_a_broken_glass_is_signed_for_the_rollback_that_was_asked_for_and_no_newer_one(gate: Gate) -> None:
    """Anybody can have a job ask for another one; with --yes nobody reads which one is signed."""
    gate.road.migrate("prod")
    assert gate.road.cli("rollback", "prod").code == 3
    assert gate.road.cli("rollback", "prod", "--to", "base").code == 3
    glass = ("--break-glass", "prod is down", "--yes", "--key", str(gate.keys[REQUESTER]))
    done = gate.road.cli("rollback", "prod", *glass)
    assert (done.code, gate.road.revision("prod")) == (0, "0006"), done
    assert gate.ledger("act, revision_to")[-1] == ("rollback", "0006")
    with open_instance(gate.road.project.config) as instance:
        (document,) = approval_store.documents(instance, "prod")
    assert "to: 0006" in document


@pytest.mark.parametrize("years", [0, 9])
def test_a_request_that_no_approval_can_count_for_is_not_taken_for_the_open_one(
    gate: Gate, years: int
) -> None:
    """Written into Dagster by somebody, of exactly what stands: nobody could approve it, and none else was made."""
    good = gate.ask()
    begin = now() + timedelta(hours=1)
    forged = replace(
        good, requested=begin, expires=begin + timedelta(hours=1, days=365 * years), nonce="f" * 64
    )
    reject = {"environment": "prod", "nonce": good.nonce, "who": "x", "reason": "y"}
    assert gate.road.run("reject", {"ops": {"reject_request": {"config": reject}}}).success
    with open_instance(gate.road.project.config) as instance:
        event = request_event(RowRequirement(forged))
        instance.report_runless_asset_event(event)
    stopped = gate.road.cli("apply")
    assert stopped.code == 3
    assert gate.requests()[0].nonce != "f" * 64


def test_a_rejection_cannot_act_and_a_flood_of_events_does_not_bring_its_request_back(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = gate.ask()
    document = gate.document(request)
    assert gate.hand_in(document)[0] == 0
    words = {"who": "a\u202eb", "reason": "no\x1b[2J\nerror: approved"}
    config = {"environment": "prod", "nonce": request.nonce, **words}
    assert gate.road.run("reject", {"ops": {"reject_request": {"config": config}}}).success
    monkeypatch.setattr(approval_store, "MOST", 5)  # otherwise 200 of them
    with open_instance(gate.road.project.config) as instance:
        for _ in range(approval_store.MOST + 1):
            instance.report_runless_asset_event(dg.AssetObservation(["approval", "prod"]))
        said = approval_store.read_rejections(instance, "prod")
        assert said == {request.nonce: "a\\u202eb: no\\x1b[2J\\nerror: approved"}
        assert approval_store.documents(instance, "prod") == []
    code, told = gate.hand_in(document)
    assert code == 6
    assert [line for line in told.splitlines() if line.startswith("error: approved")] == []


def test_what_an_approver_says_stays_one_line_that_cannot_act(gate: Gate) -> None:
    words = ["fine\nbreak glass: no", "fine \u202etxet", "\x1b]0;title\x07", "a\u2028b", "\x85"]
    request = gate.ask()
    code, said = gate.approve(APPROVER, "--reason", "".join(words))
    assert code == 0, said
    with open_instance(gate.road.project.config) as instance:
        (document,) = approval_store.documents(instance, "prod")
    text, _ = split(document)
    assert text.replace("\n", "").isprintable()
    assert text.count("\n") == request.text().count("\n") + 3
    assert not Statement.from_text(text).break_glass
    for each in words:
        with pytest.raises(InvalidApprovalDocument):
            Statement.from_text(text.replace("reason: ", f"reason: {each}"))


def test_a_request_is_found_again_whatever_its_tables_are_called() -> None:
    hazards = ('drop-table table public."a, b"',)
    subject = Subject("prod", "shop", "rollback", "1", "2", "r", "p", "s", hazards, "18", "y", ())
    asked = RowRequirement(Request(subject, "r", now(), now() + timedelta(hours=1), "a" * 64))
    with dg.DagsterInstance.ephemeral() as instance:
        instance.report_runless_asset_event(request_event(asked))
        found = approval_store.find_open_request(instance, subject, Policy("y"), "r")
        other = approval_store.find_open_request(instance, replace(subject, hazards=()), Policy("y"), "r")
    assert (found and found.request.nonce, other) == ("a" * 64, None)


ENV = {"env": "SECRET_OF_THE_WORKER"}


@pytest.mark.parametrize(
    ("job", "config"),
    [
        ("rollback", {"ops": {"rollback_environment": {"config": {"environment": ENV}}}}),
        ("rollback", {"ops": {"rollback_environment": {"config": {"environment": "local", "to": ENV}}}}),
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
def test_no_variable_of_the_workers_can_be_read(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, job: str, config: dict[str, Any]
) -> None:
    """A run's configuration may name one in place of a text, as Dagster has it."""
    secret = "s3cret-that-is-no-password-of-ours"
    monkeypatch.setenv("SECRET_OF_THE_WORKER", secret)
    gate.with_those_before()
    gate.road.migrate("local")
    with suppress(dg.DagsterInvalidConfigError):
        gate.road.run(job, config)
    assert [place for place, text in stored(gate.road, at_least=10) if secret in text] == []
