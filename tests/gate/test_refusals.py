"""Every approval that must not count is refused with an error of its own, and nothing is touched."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.fix_project import APPROVER, REQUESTER
from tests.gate.conftest import AUTHOR, SECOND, STRANGER, Gate, now
from wish_rollout.core.errors import approvals as errors
from wish_rollout.core.errors import signatures
from wish_rollout.signing.verification import split

if TYPE_CHECKING:
    from wish_rollout.core.errors.base import RolloutError


def refused(gate: Gate, document: str, error: type[RolloutError]) -> str:
    """Hand an approval in, which must be refused so; give what is said."""
    with pytest.raises(error) as caught:
        gate.check_submitted_approval(document)
    assert type(caught.value) is error
    return str(caught.value)


def test_each_kind_of_bad_approval_has_its_own_refusal(gate: Gate) -> None:
    request = gate.ask()
    before = gate.road.identity()
    good = gate.document(request)
    text, signature = split(good)

    refused(gate, text, signatures.ApprovalNotSigned)
    refused(gate, gate.document(request, STRANGER), signatures.UnknownSigner)
    refused(gate, split(gate.document(request, SECOND))[0] + signature, signatures.ApprovalSignatureInvalid)
    refused(gate, gate.document(request, AUTHOR), errors.ApproverIsAuthor)
    refused(gate, gate.document(request, REQUESTER), errors.ApproverIsRequester)
    said = refused(gate, gate.document(request, end="0006"), errors.ApprovalForOtherPlan)
    assert "to was 0006, is 0007" in said
    assert "'canary'" in refused(gate, gate.document(request, environment="canary"), errors.ApprovalForOtherDatabase)
    said = refused(gate, gate.document(request, database="elsewhere"), errors.ApprovalForOtherDatabase)
    assert f"is for 'prod' (database elsewhere), not for 'prod' (database {request.subject.database})" in said
    long_ago = now() - timedelta(days=2)
    old: dict[str, Any] = {"requested": long_ago, "expires": long_ago + timedelta(hours=1)}
    refused(gate, gate.document(request, **old), errors.ApprovalExpired)
    refused(gate, gate.document(request, expires=now() + timedelta(days=300)), errors.RequestLifetimeInvalid)
    refused(gate, gate.document(request, requested=now() + timedelta(hours=1)), errors.RequestLifetimeInvalid)
    refused(gate, "yes, please", signatures.InvalidApprovalDocument)

    assert gate.road.identity() == before
    assert gate.check_submitted_approval(good).statement.approver == APPROVER


def test_what_changed_since_is_named_from_what_to_what(gate: Gate) -> None:
    request = gate.ask()
    for field in ("release", "plan", "schema", "server", "policy", "hazards", "authors"):
        other = ("rewrite public.t",) if field in ("hazards", "authors") else "something else"
        was = other if isinstance(other, str) else other[0]
        changed: dict[str, Any] = {field: other}
        said = refused(gate, gate.document(request, **changed), errors.ApprovalOutdated)
        standing = getattr(request.subject, field)
        stands = standing if isinstance(standing, str) else ", ".join(standing) or "none"
        assert f"{field} was {was}, is {stands}" in said


def test_every_single_byte_of_text_and_signature_counts(gate: Gate) -> None:
    from wish_rollout.rollout.approval.approvals import approval_rules
    from wish_rollout.signing.verification import verify

    request = gate.ask()
    document = gate.document(request)
    project = gate.road.project
    signers = approval_rules(project, project.target("prod")).signers
    assert verify(document, "prod", signers, now())
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
            verify(changed, "prod", signers, now())


def test_only_those_named_for_an_environment_may_approve_there(gate: Gate) -> None:
    gate.policy(f'approvers = ["{SECOND}"]')
    request = gate.ask()
    refused(gate, gate.document(request, APPROVER), errors.ApproverNotAllowed)
    assert gate.check_submitted_approval(gate.document(request, SECOND))


def test_a_key_counts_only_for_its_time_and_purpose(gate: Gate) -> None:
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


def test_a_script_that_changed_by_one_byte_voids_the_approval(gate: Gate) -> None:
    document = gate.document(gate.ask())
    assert gate.hand_in(document)[0] == 0
    script = next((gate.road.root / "migrations/versions").glob("0007*"))
    script.write_text(script.read_text() + "\n")
    assert gate.road.cli("apply").code == 6
    assert gate.road.cli("generate", "--record").code == 0
    code, said = gate.hand_in(document)
    assert (code, "release was " in said) == (6, True)
    stopped = gate.road.cli("apply")
    assert (stopped.code, "release was " in stopped.err, gate.road.revision("prod")) == (3, True, None)


def test_a_live_schema_that_changed_after_the_approval_is_not_migrated(gate: Gate) -> None:
    document = gate.document(gate.ask())
    assert gate.hand_in(document)[0] == 0
    gate.road.sql("prod", "create table extra (id int)")
    assert gate.road.cli("apply").code == 4
    assert gate.hand_in(document)[0] == 4
    assert gate.road.revision("prod") is None


def test_a_policy_that_changed_voids_what_was_approved_under_the_old_one(gate: Gate) -> None:
    assert gate.hand_in(gate.document(gate.ask()))[0] == 0
    gate.policy("quorum = 2")
    stopped = gate.road.cli("apply")
    assert (stopped.code, "policy was " in stopped.err, gate.road.revision("prod")) == (3, True, None)


def test_outside_of_its_window_prod_is_not_touched_and_inside_it_is(gate: Gate) -> None:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    far = days[(now().weekday() + 3) % 7]
    gate.policy(f'windows = [{{ days = "{far}", zone = "UTC" }}]')
    gate.ask()
    assert gate.approve()[0] == 0
    stopped = gate.road.cli("apply")
    assert (stopped.code, "may not be touched now" in stopped.err) == (3, True)
    assert gate.road.revision("prod") is None
    gate.road.edit("rollout.toml", f'days = "{far}"', 'days = "mon-sun"')
    gate.ask()
    assert gate.approve()[0] == 0
    assert gate.road.cli("apply").code == 0


def test_one_person_is_no_quorum_of_two_whatever_keys_they_have(gate: Gate) -> None:
    gate.policy("quorum = 2")
    extra = gate.person("spare@example.org", known=False)
    line = extra.with_suffix(".pub").read_text()
    with (gate.road.root / "approvers").open("a") as file:
        file.write(f"{APPROVER} {line}")
    gate.ask()
    gate.keys["other key"] = extra
    assert gate.approve()[0] == 0
    assert gate.approve()[0] == 0
    assert gate.approve("other key")[0] == 0
    stopped = gate.road.cli("apply")
    assert (stopped.code, "needs the approvals of 2 persons, and has 1" in stopped.err) == (3, True)
    assert gate.approve(SECOND)[0] == 0
    assert gate.road.cli("apply").code == 0
    assert gate.ledger(
        "detail -> 'approvals' -> 0 ->> 'approver', detail -> 'approvals' -> 1 ->> 'approver'"
    ) in (
        [(APPROVER, SECOND)],
        [(SECOND, APPROVER)],
    )


def test_a_key_under_a_second_name_is_the_same_person(gate: Gate) -> None:
    """Somebody who is in the file of signers twice neither makes a quorum nor escapes the four eyes so."""
    gate.policy("quorum = 2")
    with (gate.road.root / "approvers").open("a") as file:
        for person, name in ((AUTHOR, "alias@example.org"), (SECOND, "spare@example.org")):
            file.write(f"{name} {gate.keys[person].with_suffix('.pub').read_text()}")
            gate.keys[name] = gate.keys[person]
    request = gate.ask()
    refused(gate, gate.document(request, "alias@example.org"), errors.ApproverIsAuthor)
    for name in (SECOND, "spare@example.org", "SPARE@example.org"):
        gate.keys[name] = gate.keys[SECOND]
        assert gate.hand_in(gate.document(request, name))[0] == 0
    assert "needs the approvals of 2 persons, and has 1" in gate.road.cli("apply").err
    assert gate.road.revision("prod") is None


def test_a_materialization_that_somebody_forged_opens_nothing(gate: Gate) -> None:
    import dagster as dg

    from wish_rollout.defs.runs.instance import open_instance

    request = gate.ask()
    text = split(gate.document(request))[0]
    with open_instance(gate.road.project.config) as instance:
        for metadata in ({"approval": text}, {"plan_digest": request.subject.plan, "approver": APPROVER}):
            event = dg.AssetMaterialization(
                ["approval", "prod"], metadata={**metadata, "nonce": request.nonce}
            )
            instance.report_runless_asset_event(event)
    stopped = gate.road.cli("apply")
    assert (stopped.code, "carries no signature" in stopped.err) == (3, True)
    assert gate.road.revision("prod") is None


def test_a_gated_environment_without_signers_is_refused_before_anything_is_touched(gate: Gate) -> None:
    gate.with_those_before()
    (gate.road.root / "approvers").unlink()
    assert "allowed signers, approvers, is not there" in gate.road.told(2, "apply")
    assert gate.road.revision("local") is None


def test_the_keys_of_another_sandbox_or_of_none_open_nothing_here(gate: Gate) -> None:
    from wish_rollout.signing import sandbox_key

    home = gate.road.root / ".sandbox"
    home.mkdir()
    key = sandbox_key.ensure_key(home)
    request = gate.ask()
    text = split(gate.document(request))[0].replace(APPROVER, sandbox_key.OPERATOR)
    refused(gate, text + sandbox_key.sign(text, key), signatures.UnknownSigner)
