"""Every kind of invalid approval is refused with its own error, and changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.fix_project import APPROVER, REQUESTER
from tests.gate.conftest import AUTHOR, SECOND, STRANGER, Gate, now
from wish_rollout.core.errors.gate import approvals as errors
from wish_rollout.core.errors.gate import signatures
from wish_rollout.signing.verification import split_document

if TYPE_CHECKING:
    from wish_rollout.core.errors.base import RolloutError


def refused(gate: Gate, document: str, error: type[RolloutError]) -> str:
    """Submit an approval that must be refused; return the output."""
    with pytest.raises(error) as caught:
        gate.check_submitted_approval(document)
    assert type(caught.value) is error
    return str(caught.value)


def test_each_kind_of_invalid_approval_has_an_error_class(gate: Gate) -> None:
    request = gate.ask()
    before = gate.workspace.identity()
    good = gate.document(request)
    text, signature = split_document(good)

    refused(gate, text, signatures.ApprovalNotSigned)
    refused(gate, gate.document(request, STRANGER), signatures.UnknownSigner)
    refused(
        gate,
        split_document(gate.document(request, SECOND))[0] + signature,
        signatures.ApprovalSignatureInvalid,
    )
    refused(gate, gate.document(request, AUTHOR), errors.ApproverIsAuthor)
    refused(gate, gate.document(request, REQUESTER), errors.ApproverIsRequester)
    said = refused(gate, gate.document(request, end="0006"), errors.ApprovalForOtherPlan)
    assert "to was 0006, is 0007" in said
    assert "'canary'" in refused(
        gate, gate.document(request, environment="canary"), errors.ApprovalForOtherDatabase
    )
    said = refused(gate, gate.document(request, database="elsewhere"), errors.ApprovalForOtherDatabase)
    assert f"is for 'prod' (database elsewhere), not for 'prod' (database {request.subject.database})" in said
    long_ago = now() - timedelta(days=2)
    old: dict[str, Any] = {"requested": long_ago, "expires": long_ago + timedelta(hours=1)}
    refused(gate, gate.document(request, **old), errors.ApprovalExpired)
    refused(gate, gate.document(request, expires=now() + timedelta(days=300)), errors.RequestLifetimeInvalid)
    refused(gate, gate.document(request, requested=now() + timedelta(hours=1)), errors.RequestLifetimeInvalid)
    refused(gate, "yes, please", signatures.InvalidApprovalDocument)

    assert gate.workspace.identity() == before
    assert gate.check_submitted_approval(good).statement.approver == APPROVER


def test_error_for_a_changed_plan_names_old_and_new_values(gate: Gate) -> None:
    request = gate.ask()
    for field in ("release", "plan", "schema", "server", "policy", "hazards", "authors"):
        other = ("rewrite public.t",) if field in ("hazards", "authors") else "something else"
        was = other if isinstance(other, str) else other[0]
        changed: dict[str, Any] = {field: other}
        said = refused(gate, gate.document(request, **changed), errors.ApprovalOutdated)
        current = getattr(request.subject, field)
        shown = current if isinstance(current, str) else ", ".join(current) or "none"
        assert f"{field} was {was}, is {shown}" in said


def test_every_changed_byte_invalidates_an_approval(gate: Gate) -> None:
    from wish_rollout.rollout.approval.approver_rules import approval_rules
    from wish_rollout.signing.verification import verify_approval

    request = gate.ask()
    document = gate.document(request)
    project = gate.workspace.project
    signers = approval_rules(project, project.target("prod")).signers
    assert verify_approval(document, "prod", signers, now())
    for place, character in enumerate(document.rstrip("\n")):
        changed = document[:place] + chr(ord(character) ^ 1) + document[place + 1 :]
        with pytest.raises(
            (
                signatures.InvalidApprovalDocument,
                signatures.ApprovalSignatureInvalid,
                signatures.UnknownSigner,
                signatures.ApprovalNotSigned,
            )
        ):
            verify_approval(changed, "prod", signers, now())


def test_only_approvers_of_an_environment_may_approve(gate: Gate) -> None:
    gate.policy(f'approvers = ["{SECOND}"]')
    request = gate.ask()
    refused(gate, gate.document(request, APPROVER), errors.ApproverNotAllowed)
    assert gate.check_submitted_approval(gate.document(request, SECOND))


def test_key_is_valid_only_for_its_time_and_namespace(gate: Gate) -> None:
    cases = {
        "earlier@example.org": ('valid-before="20200101Z"', signatures.SignerKeyNotValid),
        "later@example.org": ('valid-after="20990101Z"', signatures.SignerKeyNotValid),
        "git@example.org": ('namespaces="git"', signatures.UnknownSigner),
    }
    for name, (options, _) in cases.items():
        gate.person(name, options)
    request = gate.ask()
    for name, (_, error) in cases.items():
        refused(gate, gate.document(request, name), error)


def test_changed_script_invalidates_the_approval(gate: Gate) -> None:
    document = gate.document(gate.ask())
    assert gate.submit_approval(document)[0] == 0
    script = next((gate.workspace.root / "migrations/versions").glob("0007*"))
    script.write_text(script.read_text() + "\n")
    assert gate.workspace.cli("apply").code == 6
    assert gate.workspace.cli("generate", "--record").code == 0
    code, said = gate.submit_approval(document)
    assert (code, "release was " in said) == (6, True)
    stopped = gate.workspace.cli("apply")
    assert (stopped.code, "release was " in stopped.err, gate.workspace.revision("prod")) == (3, True, None)


def test_changed_live_schema_invalidates_the_approval(gate: Gate) -> None:
    document = gate.document(gate.ask())
    assert gate.submit_approval(document)[0] == 0
    gate.workspace.sql("prod", "create table extra (id int)")
    assert gate.workspace.cli("apply").code == 4
    assert gate.submit_approval(document)[0] == 4
    assert gate.workspace.revision("prod") is None


def test_changed_policy_invalidates_the_approval(gate: Gate) -> None:
    assert gate.submit_approval(gate.document(gate.ask()))[0] == 0
    gate.policy("quorum = 2")
    stopped = gate.workspace.cli("apply")
    assert (stopped.code, "policy was " in stopped.err, gate.workspace.revision("prod")) == (3, True, None)


def test_prod_is_migrated_only_in_its_window(gate: Gate) -> None:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    far = days[(now().weekday() + 3) % 7]
    gate.policy(f'windows = [{{ days = "{far}", zone = "UTC" }}]')
    gate.ask()
    assert gate.approve()[0] == 0
    stopped = gate.workspace.cli("apply")
    assert (stopped.code, "may not be changed now" in stopped.err) == (3, True)
    assert gate.workspace.revision("prod") is None
    gate.workspace.edit("rollout.toml", f'days = "{far}"', 'days = "mon-sun"')
    gate.ask()
    assert gate.approve()[0] == 0
    assert gate.workspace.cli("apply").code == 0


def test_two_keys_of_one_person_are_no_quorum_of_two(gate: Gate) -> None:
    gate.policy("quorum = 2")
    extra = gate.person("spare@example.org", known=False)
    line = extra.with_suffix(".pub").read_text()
    with (gate.workspace.root / "approvers").open("a") as file:
        file.write(f"{APPROVER} {line}")
    gate.ask()
    gate.keys["other key"] = extra
    assert gate.approve()[0] == 0
    assert gate.approve()[0] == 0
    assert gate.approve("other key")[0] == 0
    stopped = gate.workspace.cli("apply")
    assert (stopped.code, "needs the approvals of 2 persons, and has 1" in stopped.err) == (3, True)
    assert gate.approve(SECOND)[0] == 0
    assert gate.workspace.cli("apply").code == 0
    assert gate.ledger(
        "detail -> 'approvals' -> 0 ->> 'approver', detail -> 'approvals' -> 1 ->> 'approver'"
    ) in (
        [(APPROVER, SECOND)],
        [(SECOND, APPROVER)],
    )


def test_key_with_two_names_is_one_person(gate: Gate) -> None:
    """A person with two entries in the allowed signers file counts once, also for four eyes."""
    gate.policy("quorum = 2")
    with (gate.workspace.root / "approvers").open("a") as file:
        for person, name in ((AUTHOR, "alias@example.org"), (SECOND, "spare@example.org")):
            file.write(f"{name} {gate.keys[person].with_suffix('.pub').read_text()}")
            gate.keys[name] = gate.keys[person]
    request = gate.ask()
    refused(gate, gate.document(request, "alias@example.org"), errors.ApproverIsAuthor)
    for name in (SECOND, "spare@example.org", "SPARE@example.org"):
        gate.keys[name] = gate.keys[SECOND]
        assert gate.submit_approval(gate.document(request, name))[0] == 0
    assert "needs the approvals of 2 persons, and has 1" in gate.workspace.cli("apply").err
    assert gate.workspace.revision("prod") is None


def test_forged_materialization_is_no_approval(gate: Gate) -> None:
    import dagster as dg

    from wish_rollout.defs.runs.instance import open_instance

    request = gate.ask()
    text = split_document(gate.document(request))[0]
    with open_instance(gate.workspace.project.config) as instance:
        for metadata in ({"approval": text}, {"plan_digest": request.subject.plan, "approver": APPROVER}):
            event = dg.AssetMaterialization(
                ["approval", "prod_approval"], metadata={**metadata, "nonce": request.nonce}
            )
            instance.report_runless_asset_event(event)
    stopped = gate.workspace.cli("apply")
    assert (stopped.code, "has no signature" in stopped.err) == (3, True)
    assert gate.workspace.revision("prod") is None


def test_gated_environment_without_signers_is_refused(gate: Gate) -> None:
    gate.add_earlier_environments()
    (gate.workspace.root / "approvers").unlink()
    assert "allowed_signers file approvers does not exist" in gate.workspace.expect_error(2, "apply")
    assert gate.workspace.revision("local") is None


def test_keys_of_another_sandbox_are_refused(gate: Gate) -> None:
    from wish_rollout.signing import sandbox_key

    home = gate.workspace.root / ".sandbox"
    home.mkdir()
    key = sandbox_key.ensure_key(home)
    request = gate.ask()
    text = split_document(gate.document(request))[0].replace(APPROVER, sandbox_key.OPERATOR)
    refused(gate, text + sandbox_key.sign(text, key), signatures.UnknownSigner)
