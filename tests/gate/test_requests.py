"""What waits for an approval: how far it is, what is left behind, and what to do about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fix_project import APPROVER, SIGNERS
from tests.gate.conftest import SECOND

if TYPE_CHECKING:
    from tests.gate.conftest import Gate


def test_a_request_that_was_left_behind_stands_in_nobodys_way(gate: Gate) -> None:
    """One was asked for under other rules since, and even approved; what stands now is what the first one is of."""
    first = gate.ask()
    gate.policy("quorum = 2")
    second = gate.ask()
    assert gate.approve()[0] == 0
    gate.road.edit("rollout.toml", f"{SIGNERS}\nquorum = 2", SIGNERS)

    stopped = gate.road.cli("apply")
    assert (stopped.code, "waits for a person's approval" in stopped.err) == (3, True), stopped
    assert "no longer holds" not in stopped.err
    told = {each["nonce"]: each for each in json.loads(gate.road.cli("requests", "--json").out)}
    assert (told[first.nonce]["void"], told[first.nonce]["needed"]) == (None, 1)
    assert "policy was " in told[second.nonce]["void"]

    code, said = gate.approve()
    assert (code, first.text() in said) == (0, True), said
    assert gate.road.cli("apply").code == 0


def test_what_voids_an_approval_is_said_once_and_then_what_is_asked_for_instead(gate: Gate) -> None:
    gate.ask()
    assert gate.approve()[0] == 0
    gate.policy('lives = "2h"')
    first, then = (gate.road.cli("apply").err for _ in range(2))
    assert "no longer holds: policy was " in first
    assert "hint: wish-rollout approve prod --reason '…'; and then the same command again" in first
    assert "waits for a person's approval" in then


def test_how_far_a_request_is_can_be_seen(gate: Gate) -> None:
    gate.policy("quorum = 2")
    gate.ask()
    assert "0 of 2 approvals" in gate.road.cli("requests").out
    for _ in range(2):
        assert f"approved: prod; 1 of 2 approvals ({APPROVER})\n" in gate.approve()[1]
    assert f"1 of 2 approvals ({APPROVER})" in gate.road.cli("requests").out
    code, said = gate.approve(SECOND, "--json")
    assert (code, json.loads(said.partition("· ")[0])["approvals"]) == (
        0,
        {"approvers": [APPROVER, SECOND], "needed": 2, "void": None},
    )
    assert gate.road.cli("apply").code == 0


def test_whoever_signs_elsewhere_reads_the_plan(gate: Gate) -> None:
    gate.ask()
    asked, given = (str(gate.road.root / name) for name in ("request.txt", "prod.approval"))
    nowhere = str(gate.road.root / "nowhere" / "file")
    assert "cannot be written: No such file or directory" in gate.road.told(2, "requests", "--out", nowhere)
    assert gate.road.cli("requests", "--out", asked).code == 0
    sign = ("approve", "prod", "--request", asked, "--reason", "on the train", "--yes")
    assert "CREATE TABLE wishlist_items" in gate.road.cli(*sign, "--out", given).out
    assert gate.road.cli(*sign, "--out", given, "--json").out == ""
    assert "cannot be written" in gate.road.cli(*sign, "--out", nowhere).err
    assert gate.road.cli("approve", "prod", "--in", given).code == 0


def test_a_rollback_that_is_done_is_not_done_again(gate: Gate) -> None:
    """The sensor may have gone on meanwhile; whoever does as the hint says must not go back one further."""
    gate.road.migrate("prod")
    stopped = gate.road.cli("rollback", "prod")
    then = ("rollback", "prod", "--to", "0006")
    assert f"and then wish-rollout {' '.join(then)}" in stopped.err
    assert gate.approve()[0] == 0
    assert gate.road.cli(*then).code == 0
    again = gate.road.cli(*then)
    assert (again.code, again.out) == (0, "nothing to do: prod is at 0006\n")
    assert len(gate.requests()) == 1


def test_nobody_is_asked_to_approve_a_rollback_that_would_lose_rows(gate: Gate) -> None:
    gate.road.migrate("prod")
    gate.road.sql("prod", "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    refused = gate.road.cli("rollback", "prod")
    assert (refused.code, "1 in " in refused.err) == (6, True), refused
    assert gate.requests() == []


def test_nobody_is_asked_to_approve_what_cannot_be_written(gate: Gate) -> None:
    gate.road.migrate("prod")
    gate.road.point("prod", gate.road.made["prod"] + "?options=-cdefault_transaction_read_only%3Don")
    refused = gate.road.cli("rollback", "prod")
    assert (refused.code, "default_transaction_read_only is on" in refused.err) == (6, True), refused
    assert gate.requests() == []


def test_a_quorum_that_nobody_can_meet_is_told_before_anything_is_touched(gate: Gate) -> None:
    gate.with_those_before()
    gate.policy("quorum = 9\nbreak_glass = false")
    assert "wants the approvals of 9 persons, and 4 may sign" in gate.road.told(2, "apply")


def test_where_one_may_break_the_glass_it_is_told_at_the_gate(gate: Gate) -> None:
    gate.policy("quorum = 9")
    stopped = gate.road.cli("apply")
    assert (stopped.code, "wants the approvals of 9 persons, and 4 may sign" in stopped.err) == (3, True)
    assert gate.approve(APPROVER, "--break-glass", "prod is down")[0] == 0
    assert gate.road.cli("apply").code == 0


def test_a_rejection_says_what_it_ends(gate: Gate) -> None:
    gate.ask()
    said = gate.road.cli("reject", "prod", "--reason", "no").out
    assert "rejected: prod, upgrade base → 0007, asked by " in said
    assert "Nobody asks for an approval" in gate.road.told(6, "reject", "prod", "--reason", "no")


def test_a_ledger_that_was_changed_is_found_by_the_doctor(gate: Gate) -> None:
    gate.road.migrate("prod")
    assert gate.road.cli("doctor").code == 0
    gate.road.sql("prod", "alter table wish_rollout.ledger disable trigger user")
    gate.road.sql("prod", "update wish_rollout.ledger set who = 'nobody'")
    doctor = gate.road.cli("doctor")
    assert (doctor.code, "the chain breaks" in doctor.out or "ledger" in doctor.out) == (5, True), doctor
