"""The valid ways to approve a request."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import yaml  # type: ignore[import-untyped]

from tests.fix_project import APPROVER, REQUESTER
from tests.gate.conftest import SECOND, now
from wish_rollout.core.errors.gate import signatures
from wish_rollout.defs.gate.approval_events import approval_event
from wish_rollout.defs.runs.instance import open_instance

if TYPE_CHECKING:
    import pytest

    from tests.gate.conftest import Gate


def test_approval_with_a_key_file_is_recorded_in_the_ledger(gate: Gate) -> None:
    request = gate.ask()
    code, said = gate.approve()
    assert code == 0, said
    assert request.text() in said
    assert gate.workspace.cli("apply").code == 0
    assert gate.ledger("act, who, nonce, revision_from, revision_to") == [
        ("upgrade", REQUESTER, request.nonce, "base", "0007")
    ]
    assert gate.ledger("detail -> 'approvals' -> 0 ->> 'approver'") == [(APPROVER,)]
    log = gate.workspace.cli("log", "prod", "--verify")
    assert (log.code, APPROVER in log.out, "the hash chain of 1 rows is valid" in log.err) == (0, True, True)
    gate.workspace.assert_plan_is_empty()


def test_approval_with_the_ssh_agent(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
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
        result = gate.workspace.cli("approve", "prod", "--reason", "agreed", "--yes")
        assert result.code == 0, result
    finally:
        os.kill(int(os.environ["SSH_AGENT_PID"]), 15)
    assert gate.workspace.cli("apply").code == 0


def test_approval_that_was_signed_elsewhere_is_submitted_as_a_file(gate: Gate) -> None:
    gate.ask()
    asked, given = str(gate.workspace.root / "request.txt"), str(gate.workspace.root / "prod.approval")
    assert gate.workspace.cli("requests", "prod", "--out", asked).code == 0
    sign = ("approve", "prod", "--request", asked, "--out", given, "--reason", "on the train", "--yes")
    url = gate.workspace.urls["prod"]
    gate.workspace.unset_url("prod")
    assert gate.workspace.cli(*sign).code == 0
    gate.workspace.set_url("prod", url)
    assert gate.workspace.cli("apply").code == 3
    assert gate.workspace.cli("approve", "prod", "--in", given).code == 0
    assert gate.workspace.cli("apply").code == 0


def test_approval_is_written_as_run_configuration_of_the_job_approve(gate: Gate) -> None:
    gate.ask()
    path = gate.workspace.root / "approve.yaml"
    reason = "  ä: 'agreed' # \"here\"\t| \u2028 > "
    sign = ("approve", "prod", "--run-config", str(path), "--reason", reason, "--yes")
    result = gate.workspace.cli(*sign)
    assert (result.code, "launchpad" in result.err) == (0, True), result
    assert gate.workspace.run_job("approve", yaml.safe_load(path.read_text())).success
    assert gate.workspace.cli("apply").code == 0


def test_signature_of_ssh_keygen_is_valid(gate: Gate) -> None:
    request = gate.ask()
    from wish_rollout.core.approval.documents import ApprovalStatement

    text = ApprovalStatement(request, APPROVER, "by hand").text()
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", "wish-rollout", "-f", str(gate.keys[APPROVER])]
    made = subprocess.run(command, input=text, check=True, capture_output=True, text=True)
    assert gate.submit_approval(text + made.stdout)[0] == 0


def test_two_approvers_are_a_quorum_of_two(gate: Gate) -> None:
    gate.policy("quorum = 2")
    gate.ask()
    assert gate.approve()[0] == 0
    assert gate.workspace.cli("apply").code == 3
    assert gate.approve(SECOND)[0] == 0
    assert gate.workspace.cli("apply").code == 0


def test_repeated_apply_makes_one_request(gate: Gate) -> None:
    first = gate.ask()
    assert gate.ask() == first
    listed = json.loads(gate.workspace.cli("requests", "--json").out)
    assert [each["nonce"] for each in listed] == [first.nonce]
    assert "wishlist_items" in listed[0]["plan"]


def test_rejection_closes_a_request_and_apply_makes_a_new_one(gate: Gate) -> None:
    request = gate.ask()
    document = gate.document(request)
    assert gate.workspace.cli("reject", "prod", "--reason", "not on a Friday").code == 0
    code, said = gate.submit_approval(document)
    assert (code, "was rejected: " in said, "not on a Friday" in said) == (6, True, True)
    assert gate.ask().nonce != request.nonce
    assert gate.workspace.revision("prod") is None


def test_approve_needs_an_open_request(gate: Gate) -> None:
    assert "There is no request for approval" in gate.workspace.expect_error(
        6, "approve", "prod", "--reason", "x", "--yes"
    )


def test_approval_is_used_once_as_the_ledger_records(gate: Gate) -> None:
    request = gate.ask()
    document = gate.document(request)
    assert gate.submit_approval(document)[0] == 0
    assert gate.workspace.cli("apply").code == 0

    waiting = gate.workspace.cli("rollback", "prod")
    assert (waiting.code, gate.workspace.revision("prod")) == (3, "0007")
    assert gate.requests()[0].subject.act == "rollback"
    assert gate.approve()[0] == 0
    assert gate.workspace.cli("rollback", "prod", "--to", "base").code == 3
    assert gate.workspace.cli("rollback", "prod").code == 0
    assert gate.workspace.revision("prod") == "0006"
    assert [row[0] for row in gate.ledger("act")] == ["upgrade", "rollback"]

    assert gate.submit_approval(document)[0] == 6
    assert gate.workspace.cli("apply").code == 3
    assert gate.workspace.revision("prod") == "0006"


def test_rollback_with_break_glass_needs_one_command_and_one_signature(gate: Gate) -> None:
    gate.policy("quorum = 2")
    gate.workspace.migrate("prod")
    command = ("rollback", "prod", "--break-glass", "prod is down", "--yes")
    stranger = gate.workspace.cli(*command, "--key", str(gate.keys["stranger@example.org"]))
    assert (stranger.code, gate.workspace.revision("prod")) == (6, "0007")
    done = gate.workspace.cli(*command, "--key", str(gate.keys[REQUESTER]))
    assert done.code == 0, done
    assert gate.workspace.revision("prod") == "0006"
    assert gate.ledger("act, detail ->> 'BREAK GLASS'")[-1] == ("rollback", "prod is down")


def test_break_glass_skips_the_quorum_but_not_the_signature_and_is_recorded(gate: Gate) -> None:
    gate.policy("quorum = 3")
    request = gate.ask()
    try:
        gate.check_submitted_approval(gate.document(request, "stranger@example.org", break_glass="fire"))
    except signatures.UnknownSigner:
        pass
    else:
        raise AssertionError("a stranger used break glass")
    assert gate.approve(REQUESTER, "--break-glass", "prod is down")[0] == 0
    assert gate.workspace.cli("apply").code == 0
    assert gate.ledger("detail ->> 'BREAK GLASS'") == [("prod is down",)]
    assert "BREAK GLASS" in gate.workspace.cli("log", "prod").out


def test_approval_of_a_completed_plan_is_ignored(gate: Gate) -> None:
    gate.ask()
    assert gate.approve()[0] == 0
    assert gate.workspace.cli("apply").code == 0
    assert "no request waits for an approval" in gate.workspace.cli("requests").err

    waiting = gate.workspace.cli("rollback", "prod", "--to", "base")

    assert waiting.code == 3
    assert "waits for approval of the plan" in waiting.err
    assert "another plan" not in waiting.err


def test_hint_at_a_gate_names_what_is_missing(gate: Gate) -> None:
    gate.policy("quorum = 2")
    assert "hint: wish-rollout approve prod --reason '…'; and then the same command again" in stopped(gate)
    assert gate.approve()[0] == 0
    waiting = stopped(gate)
    assert "have another person run: wish-rollout approve prod" in waiting
    assert "needs the approvals of 2 persons" in waiting


def test_approval_needs_a_reason_and_an_expired_one_is_reported(gate: Gate) -> None:
    request = gate.ask()
    refused = gate.workspace.cli("approve", "prod", "--key", str(gate.keys[APPROVER]), "--yes")
    assert (refused.code, "an approval needs a reason" in refused.err) == (2, True)
    old = timedelta(days=2)
    document = gate.document(request, requested=now() - old, expires=now() - old / 2)
    with open_instance(gate.workspace.project.config) as instance:
        instance.report_runless_asset_event(approval_event(document))
    assert "expired" in stopped(gate)


def test_unreachable_quorum_is_found_before_the_rollout(gate: Gate) -> None:
    gate.policy("quorum = 9")
    doctor = gate.workspace.cli("doctor")
    assert (doctor.code, "needs the approvals of 9 persons, and 4 may approve" in doctor.out) == (2, True)


def test_unknown_author_is_found_before_the_rollout(gate: Gate) -> None:
    gate.add_earlier_environments()
    gate.workspace.edit("rollout.toml", "0007 = ", "0042 = ")
    refused = gate.workspace.cli("apply")
    assert (refused.code, "The author of revision 0007 is unknown" in refused.err) == (6, True)
    assert gate.workspace.revision("local") is None


def stopped(gate: Gate) -> str:
    """Run apply up to the gate; return its stderr."""
    result = gate.workspace.cli("apply")
    assert result.code == 3
    return result.err
