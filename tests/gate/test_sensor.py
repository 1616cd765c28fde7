"""The sensor that goes on: within one tick, once, whatever happens to the daemon in between."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import dagster as dg

from tests.gate.conftest import SECOND
from wish_rollout.defs.code_location import build
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.resume_sensor import chosen
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.rollout.planning.plans import Choices

if TYPE_CHECKING:
    from tests.gate.conftest import Gate
    from wish_rollout.defs.launch import RunOutcome

THIRD = "third@example.org"


def tick(gate: Gate, cursor: str | None = None) -> dg.SensorResult:
    """Evaluate the sensor once, as a daemon that comes up with this cursor would."""
    with gate.road.here(), open_instance(gate.road.project.config) as instance:
        sensor = build(gate.road.project.config).resolve_sensor_def("resume_on_approval")
        context = dg.build_sensor_context(instance=instance, cursor=cursor)
        result = sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def keys(result: dg.SensorResult) -> list[str | None]:
    return [request.run_key for request in result.run_requests or []]


def launch(gate: Gate, run: dg.RunRequest) -> RunOutcome:
    """Launch what the sensor asks for, with the tags that Dagster's daemon gives it."""
    tags = {**run.tags, "dagster/run_key": str(run.run_key)}
    return gate.road.run(str(run.job_name), dict(run.run_config), tags)


def test_it_goes_on_in_the_first_tick_after_the_last_approval_and_once(gate: Gate) -> None:
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
    # before the run is there it is asked for again, under the key that Dagster knows
    assert keys(tick(gate, first.cursor)) == keys(tick(gate, waiting.cursor)) == keys(first)

    (run,) = first.run_requests or []
    assert run.job_name == "rollout"
    assert launch(gate, run).success
    assert keys(tick(gate, first.cursor)) == []
    assert gate.road.revision("prod") == "0007"


def test_a_rollback_goes_on_as_the_rollback_that_it_was(gate: Gate) -> None:
    gate.road.migrate("prod")
    assert gate.road.cli("rollback", "prod", "--to", "base").code == 3
    assert gate.approve()[0] == 0
    (run,) = tick(gate).run_requests or []
    assert run.job_name == "rollback"
    assert launch(gate, run).success
    assert gate.road.revision("prod") is None
    assert gate.ledger("act")[-1:] == [("rollback",)]


def test_nothing_is_launched_for_an_approval_that_does_not_count(gate: Gate) -> None:
    request = gate.ask()
    with open_instance(gate.road.project.config) as instance:
        event = dg.AssetMaterialization(
            ["approval", "prod"], metadata={"approval": "yes", "nonce": request.nonce}
        )
        instance.report_runless_asset_event(event)
    assert keys(tick(gate)) == []


def test_a_request_that_was_used_launches_nothing_for_a_sensor_that_remembers_nothing(gate: Gate) -> None:
    """With its cursor lost, it would take local and staging on to whatever the release is by then."""
    gate.ask()
    assert gate.approve()[0] == 0
    assert gate.road.cli("apply").code == 0
    again = tick(gate)
    assert (keys(again), "was used already" in str(again.skip_reason)) == ([], True)
    # what is known to be over costs no further look
    assert "nothing waits" in str(tick(gate, again.cursor).skip_reason)


def test_another_release_is_not_taken_on_the_way_to_the_gate(gate: Gate) -> None:
    """Neither by a tick after the release changed, nor by a run that an earlier tick had asked for."""
    gate.ask()
    assert gate.approve()[0] == 0
    (run,) = tick(gate).run_requests or []
    new_revision(gate)
    waiting = tick(gate)
    assert (keys(waiting), "release was " in str(waiting.skip_reason)) == ([], True)
    before = gate.road.identity()
    outcome = launch(gate, run)
    assert (outcome.success, outcome.error_class) == (False, "ApprovalVoid")
    assert gate.road.identity() == before


def test_an_older_request_goes_on_where_somebody_has_asked_for_something_else_since(gate: Gate) -> None:
    gate.road.migrate("prod")
    assert gate.road.cli("rollback", "prod", "--to", "base").code == 3
    first = gate.requests()[0]
    assert gate.approve()[0] == 0
    assert gate.road.cli("rollback", "prod").code == 3
    assert gate.requests()[0] != first
    assert keys(tick(gate)) == [f"approval:{first.nonce}"]


def test_what_the_materialize_button_asked_for_goes_on_as_the_rollout(gate: Gate) -> None:
    """That button runs a job of Dagster's own."""
    gate.with_those_before()
    gate.person(THIRD)
    with gate.road.here(), open_instance(gate.road.project.config) as instance:
        button = build(gate.road.project.config).resolve_implicit_global_asset_job_def()
        assert button.execute_in_process(instance=instance).success
    assert (gate.road.revision("staging"), gate.road.revision("prod")) == ("0007", None)
    assert [gate.approve(person)[0] for person in (SECOND, THIRD)] == [0, 0]  # who clicked is unknown
    (run,) = tick(gate).run_requests or []
    assert (run.job_name, launch(gate, run).success) == ("rollout", True)
    assert gate.road.revision("prod") == "0007"


def test_what_goes_on_follows_from_the_signed_text_alone(gate: Gate) -> None:
    """Whoever writes into Dagster's database can put what they like beside it, also into the first event."""
    gate.road.migrate("prod")
    assert gate.road.cli("rollback", "prod").code == 3
    request = gate.requests()[0]
    with open_instance(gate.road.project.config) as instance:
        (asked,) = approval_store.requests(instance, "prod")
        document = gate.document(request)
    for choices in ("[]", "7", "{", '{"adopt": 7, "clean": []}', '{"adopt": [], "clean": [{}]}', ""):
        asked = replace(asked, request=replace(request, nonce=secrets.token_hex(32)))
        observe(gate, request=asked.request.text(), choices=choices, job="rollout", nonce="x")
    observe(gate, request=replace(request, subject=replace(request.subject, environment="x")).text())
    observe(gate, request=request.text(), job="rollout", **{"run config": '{"ops": {}}'})
    assert gate.hand_in(document)[0] == 0
    for cursor in (None, "", "7", "{", "[" * 10_000, '{"a": 1}', '[[], 7, {"a": 1}]', "null"):
        (run,) = tick(gate, cursor).run_requests or []
        assert (run.job_name, run.run_config) == (
            "rollback",
            {"ops": {"rollback_environment": {"config": {"environment": "prod", "to": "0006"}}}},
        )
    assert launch(gate, run).success
    assert (gate.road.revision("prod"), keys(tick(gate))) == ("0006", [])


def test_what_was_chosen_for_other_environments_is_chosen_again(gate: Gate) -> None:
    """And nothing of what somebody else wrote there that could not be chosen, which would fail each run."""
    gate.with_those_before()
    gate.ask()
    assert gate.approve()[0] == 0
    with open_instance(gate.road.project.config) as instance:
        (asked,) = approval_store.requests(instance, "prod")
    names = ("local", "staging", "prod", "nowhere")
    forged = replace(asked, choices=Choices(names, names))
    assert chosen(forged, gate.road.project.config) == {"adopt": ["local", "staging"], "clean": ["local"]}
    adoption = replace(asked.request, subject=replace(asked.request.subject, act="adopt"))
    assert chosen(replace(asked, request=adoption), gate.road.project.config) == {
        "adopt": ["prod"],
        "clean": [],
    }


def observe(gate: Gate, **metadata: str) -> None:
    """Write an event beside the requests, as anybody who reaches Dagster can."""
    with open_instance(gate.road.project.config) as instance:
        instance.report_runless_asset_event(dg.AssetObservation(["approval", "prod"], metadata=metadata))


def new_revision(gate: Gate) -> None:
    """Release one revision more."""
    text = (
        'revision = "0008"\ndown_revision = "0007"\n\n\ndef upgrade() -> None:\n    from alembic import op\n'
        '    op.execute("create table later (id int)")\n\n\ndef downgrade() -> None:\n'
        '    from alembic import op\n    op.execute("drop table later")\n'
    )
    (gate.road.root / "migrations/versions/0008_later.py").write_text(text)
    gate.road.edit("rollout.toml", "0007 = [", '0008 = ["author@example.org"]\n0007 = [')
    assert gate.road.cli("generate", "--record").code == 0
