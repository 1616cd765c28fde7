"""Open requests: their progress, outdated requests, and the hints of the gate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import dagster as dg

from tests.fix_project import APPROVER, SIGNERS
from tests.gate.conftest import SECOND
from wish_rollout.defs.runs.instance import open_instance

if TYPE_CHECKING:
    from tests.gate.conftest import Gate


def test_outdated_request_does_not_block_the_current_one(gate: Gate) -> None:
    """A newer request under other rules was approved, but the first request matches the current plan."""
    first = gate.ask()
    gate.policy("quorum = 2")
    second = gate.ask()
    assert gate.approve()[0] == 0
    gate.workspace.edit("rollout.toml", f"{SIGNERS}\nquorum = 2", SIGNERS)

    stopped = gate.workspace.cli("apply")
    assert (stopped.code, "waits for approval" in stopped.err) == (3, True), stopped
    assert "is no longer valid" not in stopped.err
    requests = {each["nonce"]: each for each in json.loads(gate.workspace.cli("requests", "--json").out)}
    assert (requests[first.nonce]["void"], requests[first.nonce]["needed"]) == (None, 1)
    assert "policy was " in requests[second.nonce]["void"]

    code, said = gate.approve()
    assert (code, first.text() in said) == (0, True), said
    assert gate.workspace.cli("apply").code == 0


def test_void_approval_is_reported_once_with_the_new_request(gate: Gate) -> None:
    gate.ask()
    assert gate.approve()[0] == 0
    gate.policy('lives = "2h"')
    first, then = (gate.workspace.cli("apply").err for _ in range(2))
    assert "is no longer valid: policy was " in first
    assert "hint: wish-rollout approve prod --reason '…'; and then the same command again" in first
    assert "waits for approval" in then


def test_progress_of_a_request_is_shown(gate: Gate) -> None:
    gate.policy("quorum = 2")
    gate.ask()
    assert "0 of 2 approvals" in gate.workspace.cli("requests").out
    for _ in range(2):
        assert f"approved: prod; 1 of 2 approvals ({APPROVER})\n" in gate.approve()[1]
    assert f"1 of 2 approvals ({APPROVER})" in gate.workspace.cli("requests").out
    code, said = gate.approve(SECOND, "--json")
    assert (code, json.loads(said.partition("· ")[0])["approvals"]) == (
        0,
        {"approvers": [APPROVER, SECOND], "needed": 2, "void": None},
    )
    assert gate.workspace.cli("apply").code == 0


def test_request_file_contains_the_plan(gate: Gate) -> None:
    gate.ask()
    asked, given = (str(gate.workspace.root / name) for name in ("request.txt", "prod.approval"))
    nowhere = str(gate.workspace.root / "nowhere" / "file")
    assert "cannot be written: No such file or directory" in gate.workspace.expect_error(
        2, "requests", "--out", nowhere
    )
    assert gate.workspace.cli("requests", "--out", asked).code == 0
    sign = ("approve", "prod", "--request", asked, "--reason", "on the train", "--yes")
    assert "CREATE TABLE wishlist_items" in gate.workspace.cli(*sign, "--out", given).out
    assert gate.workspace.cli(*sign, "--out", given, "--json").out == ""
    assert "cannot be written" in gate.workspace.cli(*sign, "--out", nowhere).err
    assert gate.workspace.cli("approve", "prod", "--in", given).code == 0


def test_completed_rollback_is_not_repeated(gate: Gate) -> None:
    """The sensor may have resumed the rollback already; repeating the command must not roll back another revision."""
    gate.workspace.migrate("prod")
    stopped = gate.workspace.cli("rollback", "prod")
    then = ("rollback", "prod", "--to", "0006")
    assert f"and then wish-rollout {' '.join(then)}" in stopped.err
    assert gate.approve()[0] == 0
    assert gate.workspace.cli(*then).code == 0
    again = gate.workspace.cli(*then)
    assert (again.code, again.out) == (0, "nothing to do: prod is at 0006\n")
    assert len(gate.requests()) == 1


def test_rollback_that_would_lose_rows_makes_no_request(gate: Gate) -> None:
    gate.workspace.edit("rollout.toml", 'name = "prod"', 'name = "prod"\nrollback = { on_rows = "refuse" }')
    gate.workspace.migrate("prod")
    gate.workspace.sql("prod", "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    refused = gate.workspace.cli("rollback", "prod")
    assert (refused.code, "1 in " in refused.err) == (6, True), refused
    assert gate.requests() == []


def test_plan_without_privileges_makes_no_request(gate: Gate) -> None:
    gate.workspace.migrate("prod")
    gate.workspace.set_url(
        "prod", gate.workspace.database_urls["prod"] + "?options=-cdefault_transaction_read_only%3Don"
    )
    refused = gate.workspace.cli("rollback", "prod")
    assert (refused.code, "default_transaction_read_only is on" in refused.err) == (6, True), refused
    assert gate.requests() == []


def test_unreachable_quorum_is_reported_before_the_rollout(gate: Gate) -> None:
    gate.add_earlier_environments()
    gate.policy("quorum = 9\nbreak_glass = false")
    assert "needs the approvals of 9 persons, and 4 may approve" in gate.workspace.expect_error(2, "apply")


def test_gate_mentions_break_glass_if_it_is_allowed(gate: Gate) -> None:
    gate.policy("quorum = 9")
    stopped = gate.workspace.cli("apply")
    assert (stopped.code, "needs the approvals of 9 persons, and 4 may approve" in stopped.err) == (3, True)
    assert gate.approve(APPROVER, "--break-glass", "prod is down")[0] == 0
    assert gate.workspace.cli("apply").code == 0


def test_rejection_names_the_request(gate: Gate) -> None:
    gate.ask()
    said = gate.workspace.cli("reject", "prod", "--reason", "no").out
    assert "rejected: prod, upgrade base → 0007, requested by " in said
    assert "There is no request for approval" in gate.workspace.expect_error(
        6, "reject", "prod", "--reason", "no"
    )


def test_doctor_finds_a_changed_ledger(gate: Gate) -> None:
    gate.workspace.migrate("prod")
    assert gate.workspace.cli("doctor").code == 0
    gate.workspace.sql("prod", "alter table wish_rollout.ledger disable trigger user")
    gate.workspace.sql("prod", "update wish_rollout.ledger set who = 'nobody'")
    doctor = gate.workspace.cli("doctor")
    assert (doctor.code, "the chain breaks" in doctor.out or "ledger" in doctor.out) == (5, True), doctor


def test_waiting_gate_is_a_check_with_its_progress(gate: Gate) -> None:
    gate.policy("quorum = 2")
    request = gate.ask()
    assert gate_check(gate) == (
        False,
        "WARN",
        f"waits since {request.requested:%Y-%m-%d %H:%M} UTC: 0 of 2 approvals",
    )
    assert gate.approve()[0] == 0
    assert gate_check(gate)[2].endswith(f"1 of 2 approvals ({APPROVER})")
    assert gate.workspace.cli("reject", "prod", "--reason", "not today").code == 0
    assert "rejected: not today" in gate_check(gate)[2]
    assert gate.ask() != request
    assert gate_check(gate)[2].endswith("0 of 2 approvals")
    for person in (APPROVER, SECOND):
        assert gate.approve(person)[0] == 0
    assert gate.workspace.cli("apply").code == 0
    passed, _, text = gate_check(gate)
    assert (passed, APPROVER in text, SECOND in text) == (True, True, True)


def test_request_for_the_same_change_again_does_not_say_that_it_was_used(gate: Gate) -> None:
    gate.ask()
    assert gate.approve()[0] == 0
    assert gate.workspace.cli("apply").code == 0
    assert gate.workspace.cli("rollback", "prod", "--to", "base").code == 3
    assert gate.approve()[0] == 0
    assert gate.workspace.cli("rollback", "prod", "--to", "base").code == 0
    again = gate.workspace.cli("apply")
    assert (again.code, "used" in again.err) == (3, False), again.err


def gate_check(gate: Gate) -> tuple[bool, str, str]:
    """Return the latest result of the check ``gate``: whether it passed, its severity and its description."""
    with open_instance(gate.workspace.project.config) as instance:
        key = dg.AssetCheckKey(dg.AssetKey(["schema", "prod"]), "gate")
        record = instance.get_latest_asset_check_evaluation_record(key)
        newest = instance.fetch_observations(dg.AssetKey(["schema", "prod"]), limit=1).records
    assert record is not None
    assert record.event is not None
    event = record.event.dagster_event
    assert event is not None
    evaluation = event.asset_check_evaluation_data
    if "waits since" in (evaluation.description or "") and "0 of" in (evaluation.description or ""):
        observation = newest[0].asset_observation
        assert observation is not None
        assert observation.description == evaluation.description
    return evaluation.passed, evaluation.severity.value, evaluation.description or ""
