"""The ways through the gate that must work."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.fix_project import APPROVER, REQUESTER
from tests.gate.conftest import SECOND, now
from wish_rollout.core.errors import signatures
from wish_rollout.defs.gate.approval_events import approval_event
from wish_rollout.defs.runs.instance import open_instance

if TYPE_CHECKING:
    import pytest

    from tests.gate.conftest import Gate


def test_a_key_file_opens_it_and_the_ledger_says_who(gate: Gate) -> None:
    request = gate.ask()
    code, said = gate.approve()
    assert code == 0, said
    assert request.text() in said
    assert gate.road.cli("apply").code == 0
    assert gate.ledger("act, who, nonce, revision_from, revision_to") == [
        ("upgrade", REQUESTER, request.nonce, "base", "0007")
    ]
    assert gate.ledger("detail -> 'approvals' -> 0 ->> 'approver'") == [(APPROVER,)]
    log = gate.road.cli("log", "prod", "--verify")
    assert (log.code, APPROVER in log.out, "the chain of 1 rows holds" in log.err) == (0, True, True)
    gate.road.assert_nothing_left_to_do()


def test_an_agent_opens_it(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.ask()
    started = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True).stdout
    for line in started.splitlines():
        name, _, value = line.partition("=")
        if name in ("SSH_AUTH_SOCK", "SSH_AGENT_PID"):
            monkeypatch.setenv(name, value.partition(";")[0])
    try:
        key = gate.keys[APPROVER]
        subprocess.run(["ssh-add", "-q", str(key)], check=True, capture_output=True)
        for file in (key, key.with_suffix(".pub")):
            file.unlink()
        result = gate.road.cli("approve", "prod", "--reason", "agreed", "--yes")
        assert result.code == 0, result
    finally:
        os.kill(int(os.environ["SSH_AGENT_PID"]), 15)
    assert gate.road.cli("apply").code == 0


def test_an_approval_signed_elsewhere_is_handed_in_as_a_file(gate: Gate) -> None:
    gate.ask()
    asked, given = str(gate.road.root / "request.txt"), str(gate.road.root / "prod.approval")
    assert gate.road.cli("requests", "prod", "--out", asked).code == 0
    sign = ("approve", "prod", "--request", asked, "--out", given, "--reason", "on the train", "--yes")
    url = gate.road.urls["prod"]
    gate.road.leave_out("prod")
    assert gate.road.cli(*sign).code == 0
    gate.road.point("prod", url)
    assert gate.road.cli("apply").code == 3
    assert gate.road.cli("approve", "prod", "--in", given).code == 0
    assert gate.road.cli("apply").code == 0


def test_what_ssh_keygen_signs_by_itself_counts_as_well(gate: Gate) -> None:
    request = gate.ask()
    from wish_rollout.core.approval.documents import Statement

    text = Statement(request, APPROVER, "by hand").text()
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "wish-rollout", "-f", str(gate.keys[APPROVER])]
    made = subprocess.run(command, input=text, check=True, capture_output=True, text=True)
    assert gate.hand_in(text + made.stdout)[0] == 0


def test_two_persons_make_a_quorum_of_two(gate: Gate) -> None:
    gate.policy("quorum = 2")
    gate.ask()
    assert gate.approve()[0] == 0
    assert gate.road.cli("apply").code == 3
    assert gate.approve(SECOND)[0] == 0
    assert gate.road.cli("apply").code == 0


def test_a_request_is_asked_once_however_often_the_road_is_walked(gate: Gate) -> None:
    first = gate.ask()
    assert gate.ask() == first
    listed = json.loads(gate.road.cli("requests", "--json").out)
    assert [each["nonce"] for each in listed] == [first.nonce]
    assert "wishlist_items" in listed[0]["plan"]


def test_a_rejection_ends_a_request_and_a_new_one_is_asked(gate: Gate) -> None:
    request = gate.ask()
    document = gate.document(request)
    assert gate.road.cli("reject", "prod", "--reason", "not on a Friday").code == 0
    code, said = gate.hand_in(document)
    assert (code, "was rejected: " in said, "not on a Friday" in said) == (6, True, True)
    assert gate.ask().nonce != request.nonce
    assert gate.road.revision("prod") is None


def test_where_nobody_asks_nothing_is_approved(gate: Gate) -> None:
    assert "Nobody asks for an approval" in gate.road.told(6, "approve", "prod", "--reason", "x", "--yes")


def test_an_approval_works_once_and_the_database_itself_remembers(gate: Gate) -> None:
    request = gate.ask()
    document = gate.document(request)
    assert gate.hand_in(document)[0] == 0
    assert gate.road.cli("apply").code == 0

    waiting = gate.road.cli("rollback", "prod")
    assert (waiting.code, gate.road.revision("prod")) == (3, "0007")
    assert gate.requests()[0].subject.act == "rollback"
    assert gate.approve()[0] == 0
    assert gate.road.cli("rollback", "prod", "--to", "base").code == 3
    assert gate.road.cli("rollback", "prod").code == 0
    assert gate.road.revision("prod") == "0006"
    assert [row[0] for row in gate.ledger("act")] == ["upgrade", "rollback"]

    assert gate.hand_in(document)[0] == 6
    assert gate.road.cli("apply").code == 3
    assert gate.road.revision("prod") == "0006"


def test_a_rollback_behind_broken_glass_is_one_command_signed_by_one(gate: Gate) -> None:
    gate.policy("quorum = 2")
    gate.road.migrate("prod")
    glass = ("rollback", "prod", "--break-glass", "prod is down", "--yes")
    stranger = gate.road.cli(*glass, "--key", str(gate.keys["stranger@example.org"]))
    assert (stranger.code, gate.road.revision("prod")) == (6, "0007")
    done = gate.road.cli(*glass, "--key", str(gate.keys[REQUESTER]))
    assert done.code == 0, done
    assert gate.road.revision("prod") == "0006"
    assert gate.ledger("act, detail ->> 'BREAK GLASS'")[-1] == ("rollback", "prod is down")


def test_broken_glass_skips_the_quorum_never_the_signature_and_is_shouted(gate: Gate) -> None:
    gate.policy("quorum = 3")
    request = gate.ask()
    try:
        gate.check_submitted_approval(gate.document(request, "stranger@example.org", break_glass="fire"))
    except signatures.UnknownSigner:
        pass
    else:
        raise AssertionError("a stranger broke the glass")
    assert gate.approve(REQUESTER, "--break-glass", "prod is down")[0] == 0
    assert gate.road.cli("apply").code == 0
    assert gate.ledger("detail ->> 'BREAK GLASS'") == [("prod is down",)]
    assert "BREAK GLASS" in gate.road.cli("log", "prod").out


def test_an_approval_of_what_is_done_explains_nothing(gate: Gate) -> None:
    gate.ask()
    assert gate.approve()[0] == 0
    assert gate.road.cli("apply").code == 0
    assert "nothing waits for an approval" in gate.road.cli("requests").err

    waiting = gate.road.cli("rollback", "prod", "--to", "base")

    assert waiting.code == 3
    assert "waits for a person's approval of the plan" in waiting.err
    assert "another plan" not in waiting.err


def test_what_is_missing_at_a_gate_is_what_the_hint_says(gate: Gate) -> None:
    gate.policy("quorum = 2")
    assert "hint: wish-rollout approve prod --reason '…'; and then the same command again" in stopped(gate)
    assert gate.approve()[0] == 0
    waiting = stopped(gate)
    assert "have another one run: wish-rollout approve prod" in waiting
    assert "needs the approvals of 2 persons" in waiting


def test_an_approval_says_why_and_an_expired_one_is_told_as_such(gate: Gate) -> None:
    request = gate.ask()
    refused = gate.road.cli("approve", "prod", "--key", str(gate.keys[APPROVER]), "--yes")
    assert (refused.code, "an approval says why" in refused.err) == (2, True)
    old = timedelta(days=2)
    document = gate.document(request, requested=now() - old, expires=now() - old / 2)
    with open_instance(gate.road.project.config) as instance:
        instance.report_runless_asset_event(approval_event(document))
    assert "expired" in stopped(gate)


def test_a_quorum_that_nobody_can_meet_is_found_beforehand(gate: Gate) -> None:
    gate.policy("quorum = 9")
    doctor = gate.road.cli("doctor")
    assert (doctor.code, "wants the approvals of 9 persons, and 4 may sign" in doctor.out) == (2, True)


def test_an_author_whom_nobody_knows_is_found_before_anything_is_touched(gate: Gate) -> None:
    gate.with_those_before()
    gate.road.edit("rollout.toml", "0007 = ", "0042 = ")
    refused = gate.road.cli("apply")
    assert (refused.code, "Who wrote revision 0007 cannot be told" in refused.err) == (6, True)
    assert gate.road.revision("local") is None


def stopped(gate: Gate) -> str:
    """Come to the gate, and give what is said there."""
    result = gate.road.cli("apply")
    assert result.code == 3
    return result.err
