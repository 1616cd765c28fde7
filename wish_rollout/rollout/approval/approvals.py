"""Requests for approval, and validation of the submitted approvals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wish_rollout.core.approval.documents import (
    ApprovalStatement,
    Request,
)
from wish_rollout.core.approval.policy import (
    Authorization,
    SignedStatement,
    authorize,
    check_approver,
    check_request,
)
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.gate.approvals import QuorumNotMet
from wish_rollout.core.errors.gate.requests import ApprovalUsed
from wish_rollout.core.errors.gate.signatures import (
    ApprovalNotSigned,
    ApprovalSignatureInvalid,
    InvalidApprovalDocument,
    UnknownSigner,
)
from wish_rollout.core.errors.planning.plans import WaitingAtGate
from wish_rollout.core.ledger import NOTHING_KNOWN, KnownRows, LedgerHead
from wish_rollout.rollout.approval.ledger_guard import read_ledger_state
from wish_rollout.signing.verification import split_document, verify_approval

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from wish_rollout.core.approval.subject import Subject
    from wish_rollout.rollout.approval.approver_rules import ApprovalRules


@dataclass(frozen=True, slots=True)
class UncountedApproval:
    """An approval that is not valid, and the reason."""

    document: str
    error: RolloutError


def sort_approvals(
    rules: ApprovalRules, subject: Subject, documents: Sequence[str], now: datetime | None = None
) -> tuple[dict[Request, list[SignedStatement]], list[UncountedApproval]]:
    """Return the approvals that are valid for a subject, grouped by request, and the others with the reason."""
    now = now or datetime.now(UTC)
    valid: dict[Request, list[SignedStatement]] = {}
    invalid = []
    for document in documents:
        try:
            signed = check_approval(rules, subject, document, now)
        except RolloutError as error:
            invalid.append(UncountedApproval(document, error))
        else:
            valid.setdefault(signed.statement.request, []).append(signed)
    return valid, invalid


def check_approval(
    rules: ApprovalRules, subject: Subject, document: str, now: datetime | None = None
) -> SignedStatement:
    """Return the verified statement of one approval.

    The signature, the request and the approver are checked, but not the number of approvals. Raises what
    ``verify_approval``, ``check_request`` and ``check_approver`` raise.
    """
    now = now or datetime.now(UTC)
    signed = verify_approval(document, subject.environment, rules.signers, now)
    check_request(signed.statement.request, subject, rules.policy, now)
    check_approver(signed, rules.policy)
    return signed


def find_authorization(  # noqa: PLR0913, PLR0917
    rules: ApprovalRules,
    subject: Subject,
    documents: Sequence[str],
    connection: psycopg.Connection[Any],
    open_request: Request | None = None,
    known: KnownRows = NOTHING_KNOWN,
    head: LedgerHead | None = None,
) -> Authorization:
    """Return the authorization of a subject; if there is none, raise the most specific reason.

    ``connection``: to the target, whose ledger records used requests. ``open_request``: the request that waits for an
    approval; errors in approvals of other requests are then not reported. ``known``: what other records say of the
    ledger. ``head``: the last row of the ledger at the time of the request, if the request does not name it itself. If the
    ledger is not intact, only a break-glass approval counts. Raises LedgerTampered.
    """
    now = datetime.now(UTC)
    state = read_ledger_state(connection, subject.environment, known, rules.version_table)
    valid, invalid = sort_approvals(rules, subject, documents, now)
    reasons: list[RolloutError] = []
    for request, signed in valid.items():
        try:
            state.refuse_used(connection, request)
            state.refuse_later_rows(request, head)
            authorization = authorize(request, signed, rules.policy, now)
        except RolloutError as error:
            reasons.append(error)
            continue
        if not state.fault:
            return authorization
        if authorization.break_glass:
            fault = state.fault.fill(state.fault.summary)
            return replace(authorization, ledger_fault=fault)
    if state.fault:
        raise state.fault
    reasons.sort(key=lambda error: isinstance(error, QuorumNotMet))
    if not reasons:
        errors = (
            each.error
            for each in _signed_first(invalid)
            if _concerns_request(connection, each.document, open_request)
        )
        reasons = [next(errors, WaitingAtGate(subject.environment, subject.plan))]
    raise reasons[0]


def _signed_first(invalid: Sequence[UncountedApproval]) -> list[UncountedApproval]:
    """Return approvals with a known signer's valid signature before those that anyone may have written."""
    unsigned = (InvalidApprovalDocument, ApprovalNotSigned, ApprovalSignatureInvalid, UnknownSigner)
    return sorted(invalid, key=lambda each: isinstance(each.error, unsigned))


def _concerns_request(
    connection: psycopg.Connection[Any], document: str, open_request: Request | None
) -> bool:
    """Return whether an invalid approval explains the wait: its request is unused, and is the open one if given."""
    from wish_rollout.postgres.records.ledger import read_nonce_use

    try:
        nonce = ApprovalStatement.from_text(approval_text(document)).request.nonce
    except InvalidApprovalDocument:
        return True
    is_open = open_request is None or open_request.nonce == nonce
    return is_open and not read_nonce_use(connection, nonce)


def refuse_used_request(connection: psycopg.Connection[Any], request: Request) -> None:
    """Raise ApprovalUsed if the target's ledger contains the request's nonce."""
    from wish_rollout.postgres.records.ledger import read_nonce_use

    if used := read_nonce_use(connection, request.nonce):
        raise ApprovalUsed(request.subject.environment, request.nonce, used)


def approval_text(document: str) -> str:
    """Return the text of an approval document, without its signature."""
    return split_document(document)[0]
