"""The resume sensor: an approved request is resumed in the next tick, exactly once."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import dagster as dg

from tests.gate.conftest import SECOND
from wish_rollout.defs.code_location import build_definitions
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.signed_choices import choices_from_signed_text
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.rollout.planning.plans import Choices

if TYPE_CHECKING:
    from tests.gate.conftest import Gate
    from wish_rollout.defs.runs.run_outcome import RunOutcome

THIRD = "third@example.org"


def tick(gate: Gate, cursor: str | None = None) -> dg.SensorResult:
    """Evaluate the sensor once with a cursor."""
    with gate.workspace.as_current_project(), open_instance(gate.workspace.project.config) as instance:
        sensor = build_definitions(gate.workspace.project.config).resolve_sensor_def("resume_on_approval")
        context = dg.build_sensor_context(instance=instance, cursor=cursor)
        result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def keys(result: dg.SensorResult) -> list[str | None]:
    return [request.run_key for request in result.run_requests or []]


def launch(gate: Gate, run: dg.RunRequest) -> RunOutcome:
    """Run what the sensor requests, with the tags of Dagster's daemon."""
    tags = {**run.tags, "dagster/run_key": str(run.run_key)}
    return gate.workspace.run_job(str(run.job_name), dict(run.run_config), tags)


def test_first_tick_after_the_last_approval_requests_one_run(gate: Gate) -> None:
    gate.policy("quorum = 2")
    assert keys(tick(gate)) == []
    request = gate.ask()
    assert keys(tick(gate)) == []
    assert gate.approve()[0] == 0
    waiting = tick(gate)
    assert (keys(waiting), "needs the approvals of 2 persons" in str(waiting.skip_reason)) == ([], True)
    assert gate.approve(SECOND)[0] == 0

    first = tick(gate, waiting.cursor)
    assert keys(first) == [f"approval:{request.nonce}"]
    # before the run exists, the sensor requests it again with the same run key
    assert keys(tick(gate, first.cursor)) == keys(tick(gate, waiting.cursor)) == keys(first)

    (run,) = first.run_requests or []
    assert run.job_name == "rollout"
    assert launch(gate, run).success
    assert keys(tick(gate, first.cursor)) == []
    assert gate.workspace.revision("prod") == "0007"


def test_approved_rollback_is_resumed_as_a_rollback(gate: Gate) -> None:
    gate.workspace.migrate("prod")
    assert gate.workspace.cli("rollback", "prod", "--to", "base").code == 3
    assert gate.approve()[0] == 0
    (run,) = tick(gate).run_requests or []
    assert run.job_name == "rollback"
    assert launch(gate, run).success
    assert gate.workspace.revision("prod") is None
    assert gate.ledger("act")[-1:] == [("rollback",)]


def test_invalid_approval_requests_no_run(gate: Gate) -> None:
    request = gate.ask()
    with open_instance(gate.workspace.project.config) as instance:
        event = dg.AssetMaterialization(
            ["approval", "prod_approval"], metadata={"approval": "yes", "nonce": request.nonce}
        )
        instance.report_runless_asset_event(event)
    assert keys(tick(gate)) == []


def test_used_request_requests_no_run_without_a_cursor(gate: Gate) -> None:
    """Otherwise a lost cursor would make it migrate local and staging to the current release."""
    gate.ask()
    assert gate.approve()[0] == 0
    assert gate.workspace.cli("apply").code == 0
    again = tick(gate)
    assert (keys(again), "was used before" in str(again.skip_reason)) == ([], True)
    # a completed request is not read again
    assert "no request waits" in str(tick(gate, again.cursor).skip_reason)


def test_changed_release_is_not_resumed(gate: Gate) -> None:
    """Neither by a tick after the change, nor by a run that an earlier tick requested."""
    gate.ask()
    assert gate.approve()[0] == 0
    (run,) = tick(gate).run_requests or []
    new_revision(gate)
    waiting = tick(gate)
    assert (keys(waiting), "release was " in str(waiting.skip_reason)) == ([], True)
    before = gate.workspace.identity()
    outcome = launch(gate, run)
    assert (outcome.success, outcome.error_class) == (False, "ApprovalOutdated")
    assert gate.workspace.identity() == before


def test_older_approved_request_is_resumed_despite_a_newer_request(gate: Gate) -> None:
    gate.workspace.migrate("prod")
    assert gate.workspace.cli("rollback", "prod", "--to", "base").code == 3
    first = gate.requests()[0]
    assert gate.approve()[0] == 0
    assert gate.workspace.cli("rollback", "prod").code == 3
    assert gate.requests()[0] != first
    assert keys(tick(gate)) == [f"approval:{first.nonce}"]


def test_materialization_is_resumed_as_a_rollout(gate: Gate) -> None:
    """The Materialize button runs a job that Dagster defines."""
    gate.add_earlier_environments()
    gate.person(THIRD)
    with gate.workspace.as_current_project(), open_instance(gate.workspace.project.config) as instance:
        button = build_definitions(gate.workspace.project.config).resolve_implicit_global_asset_job_def()
        assert button.execute_in_process(instance=instance).success
    assert (gate.workspace.revision("staging"), gate.workspace.revision("prod")) == ("0007", None)
    assert [gate.approve(person)[0] for person in (SECOND, THIRD)] == [0, 0]  # the requester is unknown
    (run,) = tick(gate).run_requests or []
    assert (run.job_name, launch(gate, run).success) == ("rollout", True)
    assert gate.workspace.revision("prod") == "0007"


def test_resumed_run_depends_only_on_the_signed_text(gate: Gate) -> None:
    """Other values in Dagster's database, also in the first event, are not trusted."""
    gate.workspace.migrate("prod")
    assert gate.workspace.cli("rollback", "prod").code == 3
    request = gate.requests()[0]
    with open_instance(gate.workspace.project.config) as instance:
        (asked,) = approval_store.read_open_requests(instance, "prod")
        document = gate.document(request)
    for choices in ("[]", "7", "{", '{"adopt": 7, "clean": []}', '{"adopt": [], "clean": [{}]}', ""):
        asked = replace(asked, request=replace(request, nonce=secrets.token_hex(32)))
        observe(gate, request=asked.request.text(), choices=choices, job="rollout", nonce="x")
    observe(gate, request=replace(request, subject=replace(request.subject, environment="x")).text())
    observe(gate, request=request.text(), job="rollout", **{"run config": '{"ops": {}}'})
    assert gate.submit_approval(document)[0] == 0
    for cursor in (None, "", "7", "{", "[" * 10_000, '{"a": 1}', '[[], 7, {"a": 1}]', "null"):
        (run,) = tick(gate, cursor).run_requests or []
        assert (run.job_name, run.run_config) == (
            "rollback",
            {"ops": {"rollback_plan": {"config": {"environment": "prod", "to": "0006"}}}},
        )
    assert launch(gate, run).success
    assert (gate.workspace.revision("prod"), keys(tick(gate))) == ("0006", [])


def test_choices_for_other_environments_are_kept(gate: Gate) -> None:
    """Forged choices, which would make every run fail, are ignored."""
    gate.add_earlier_environments()
    gate.ask()
    assert gate.approve()[0] == 0
    with open_instance(gate.workspace.project.config) as instance:
        (asked,) = approval_store.read_open_requests(instance, "prod")
    names = ("local", "staging", "prod", "nowhere")
    forged = replace(asked, choices=Choices(names, names, names))
    assert choices_from_signed_text(forged, gate.workspace.project.config) == {
        "adopt": ["local", "staging"],
        "clean": ["local"],
        "replan": ["local", "staging"],
    }
    adoption = replace(asked.request, subject=replace(asked.request.subject, act="adopt"))
    assert choices_from_signed_text(replace(asked, request=adoption), gate.workspace.project.config) == {
        "adopt": ["prod"],
        "clean": [],
        "replan": [],
    }


def observe(gate: Gate, **metadata: str) -> None:
    """Write a forged event for a request."""
    with open_instance(gate.workspace.project.config) as instance:
        instance.report_runless_asset_event(
            dg.AssetObservation(["approval", "prod_approval"], metadata=metadata)
        )


def new_revision(gate: Gate) -> None:
    """Add a revision to the release."""
    text = (
        'revision = "0008"\ndown_revision = "0007"\n\n\ndef upgrade() -> None:\n    from alembic import op\n'
        '    op.execute("create table later (id int)")\n\n\ndef downgrade() -> None:\n'
        '    from alembic import op\n    op.execute("drop table later")\n'
    )
    (gate.workspace.root / "migrations/versions/0008_later.py").write_text(text)
    gate.workspace.edit("rollout.toml", "0007 = [", '0008 = ["author@example.org"]\n0007 = [')
    assert gate.workspace.cli("generate", "--record").code == 0
