"""Attacks with documents: forged, bent, replayed and misplaced approvals. None of them needs a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.fix_project import write_key_pair
from wish_rollout.core.approval.documents import ApprovalStatement, Request
from wish_rollout.core.approval.policy import Policy, check_request
from wish_rollout.core.approval.subject import Subject, subject_differences
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.gate.approvals import ApprovalOutdated
from wish_rollout.core.ledger import EMPTY_LEDGER, LedgerHead
from wish_rollout.rollout.approval.ledger_guard import LedgerState
from wish_rollout.signing.allowed_signers import read_signers
from wish_rollout.signing.ssh_keygen import Key, find_keys, sign
from wish_rollout.signing.verification import split_document, verify_approval

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime.now(UTC).replace(microsecond=0)
APPROVER = "approver@example.org"
HEAD = LedgerHead(3, "a" * 64)
SUBJECT = Subject(
    "prod", "shop of cluster 7", "upgrade", "0006", "0007", "r" * 64, "p" * 64, "s" * 64, (), "16.1", "d" * 64,
    ("author@example.org",), "migrations/env.py 111111111111, migrations/helper.py 222222222222",
)  # fmt: skip
REQUEST = Request(SUBJECT, "requester@example.org", NOW, NOW + timedelta(hours=1), "b" * 64, HEAD)


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Key]:
    """A valid approval, and the key that signed it."""
    path = tmp_path_factory.mktemp("keys") / "key"
    write_key_pair(path)
    key = find_keys(path)[0]
    text = ApprovalStatement(REQUEST, APPROVER, "agreed").text()
    path.with_name("approvers").write_text(f'{APPROVER} namespaces="wish-rollout" {key.line}\n')
    return text + sign(text, key), key


def verify(document: str, key: Key) -> None:
    assert key.path
    verify_approval(document, "prod", read_signers(key.path.with_name("approvers")), NOW)


def test_the_approval_itself_is_valid(signed: tuple[str, Key]) -> None:
    verify(*signed)


TEXT_ATTACKS: dict[str, Callable[[str], str]] = {
    "another environment": lambda text: text.replace("environment: prod", "environment: local"),
    "another database": lambda text: text.replace("shop of", "hops of"),
    "another action": lambda text: text.replace("act: upgrade", "act: rollback"),
    "a higher revision": lambda text: text.replace("to: 0007", "to: 0008"),
    "another release": lambda text: text.replace("r" * 64, "q" * 64),
    "fewer authors": lambda text: text.replace("authors: author@example.org", "authors: none"),
    "one file less": lambda text: text.replace(", migrations/helper.py 222222222222", ""),
    "another hash of env.py": lambda text: text.replace("111111111111", "333333333333"),
    "another requester": lambda text: text.replace("requester@", "somebody@"),
    "a longer life": lambda text: text.replace(NOW.strftime("expires: %Y"), "expires: 2999"),
    "another nonce": lambda text: text.replace("b" * 64, "c" * 64),
    "an earlier ledger row": lambda text: text.replace("ledger: 3 ", "ledger: 2 "),
    "an empty ledger": lambda text: text.replace(f"ledger: {HEAD}", "ledger: empty"),
    "no ledger line": lambda text: text.replace(f"ledger: {HEAD}\n", ""),
    "a ledger row with a zero in front": lambda text: text.replace("ledger: 3 ", "ledger: 03 "),
    "break glass": lambda text: text.replace("break glass: no", "break glass: fire"),
    "another approver": lambda text: text.replace(APPROVER, "second@example.org"),
    "the earlier format": lambda text: text.replace("format 2", "format 1"),
    "an additional line": lambda text: text + "note: nothing\n",
    "a line twice": lambda text: text.replace("to: 0007\n", "to: 0007\nto: 0007\n"),
    "another order of lines": lambda text: text.replace("from: 0006\nto: 0007\n", "to: 0007\nfrom: 0006\n"),
    "a space at the end of a line": lambda text: text.replace("to: 0007\n", "to: 0007 \n"),
    "a byte order mark": lambda text: "\ufeff" + text,
}


@pytest.mark.parametrize("attack", TEXT_ATTACKS)
def test_changed_text_is_refused(signed: tuple[str, Key], attack: str) -> None:
    text, armor = split_document(signed[0])
    changed = TEXT_ATTACKS[attack](text)
    assert changed != text
    with pytest.raises(RolloutError):
        verify(changed + armor, signed[1])


def test_signature_of_another_purpose_or_statement_is_refused(signed: tuple[str, Key]) -> None:
    """An ungated statement and an approval are signed in one namespace; their texts cannot be exchanged."""
    from wish_rollout.core.approval.gate_release import UngatedStatement

    text = UngatedStatement("prod", "1 of cluster 7", HEAD, "moved").text()
    for document in (
        text + sign(text, signed[1]),
        split_document(signed[0])[0],
        text + split_document(signed[0])[1],
    ):
        with pytest.raises(RolloutError):
            verify(document, signed[1])


SUBJECT_ATTACKS = {
    "a changed helper": {"code": "migrations/env.py 111111111111, migrations/helper.py 999999999999"},
    "a new helper": {"code": SUBJECT.code + ", migrations/new.py 444444444444"},
    "a removed helper": {"code": "migrations/env.py 111111111111"},
    "another package version, in the plan": {"plan": "x" * 64},
    "another author": {"authors": ("second@example.org",)},
}


@pytest.mark.parametrize("attack", SUBJECT_ATTACKS)
def test_request_for_another_plan_is_refused_and_names_the_difference(attack: str) -> None:
    current = replace(SUBJECT, **SUBJECT_ATTACKS[attack])  # type: ignore[arg-type]
    with pytest.raises(ApprovalOutdated) as caught:
        check_request(REQUEST, current, Policy("d" * 64), NOW)
    for name, (before, after) in subject_differences(SUBJECT, current).items():
        assert f"{name} was {before}, is {after}" in str(caught.value)
    assert "env.py" not in str(caught.value), "a file that did not change is named"


@pytest.mark.parametrize(
    "head", [EMPTY_LEDGER, LedgerHead(2, "a" * 64), LedgerHead(3, "c" * 64), LedgerHead(4, "a" * 64)]
)
def test_request_is_void_after_any_other_ledger_row(head: LedgerHead) -> None:
    with pytest.raises(ApprovalOutdated, match="ledger's last row was 3"):
        LedgerState(head, None).refuse_later_rows(REQUEST)
