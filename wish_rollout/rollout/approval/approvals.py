"""Requests for approval, and validation of the submitted approvals."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wish_rollout.core.approval.documents import (
    UNKNOWN_REQUESTER,
    ApprovalStatement,
    Request,
    Subject,
    build_subject,
    to_document_time,
)
from wish_rollout.core.approval.policy import (
    Authorization,
    SignedStatement,
    authorize,
    check_approver,
    check_request,
)
from wish_rollout.core.errors.approvals import QuorumNotMet
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.plans import WaitingAtGate
from wish_rollout.core.errors.requests import ApprovalUsed
from wish_rollout.core.errors.signatures import (
    ApprovalNotSigned,
    ApprovalSignatureInvalid,
    InvalidApprovalDocument,
    UnknownSigner,
)
from wish_rollout.core.ledger import EMPTY_LEDGER, NOTHING_KNOWN, KnownRows, LedgerHead
from wish_rollout.core.plan.plan import Action
from wish_rollout.rollout.approval.ledger_guard import read_ledger_state
from wish_rollout.rollout.approval.plan_refusals import refuse_unapprovable
from wish_rollout.rollout.approval.revision_authors import read_release_authors
from wish_rollout.signing.verification import split_document, verify_approval

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import psycopg

    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.approval.approver_rules import ApprovalRules
    from wish_rollout.rollout.project.project import Project

REQUESTER = "WISH_ROLLOUT_REQUESTER"


@dataclass(frozen=True, slots=True)
class UncountedApproval:
    """An approval that is not valid, and the reason."""

    document: str
    error: RolloutError


def subject_of_plan(project: Project, rules: ApprovalRules, plan: EnvironmentPlan) -> Subject:
    """Return the subject that an approval of this plan must name under these rules.

    Raises RevisionAuthorUnknown, CodeNotApproved, ClusterChangeRefused.
    """
    refuse_unapprovable(project, plan)
    revisions = [each.split(" ", maxsplit=1)[0] for each in plan.pending]
    needs_authors = rules.policy.four_eyes and plan.action is not Action.NOTHING
    authors = read_release_authors(project, plan.environment, revisions, plan.code) if needs_authors else ()
    return build_subject(plan, rules.policy.digest, authors)


def new_request(
    rules: ApprovalRules,
    subject: Subject,
    requester: str,
    ledger: LedgerHead = EMPTY_LEDGER,
    now: datetime | None = None,
) -> Request:
    """Return a request for an approval of a subject, with a random nonce and the policy's lifetime.

    ``ledger``: the last row of the target's ledger.
    """
    now = to_document_time(now or datetime.now(UTC))
    return Request(subject, requester, now, now + rules.policy.lives, secrets.token_hex(32), ledger)


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
) -> Authorization:
    """Return the authorization of a subject; if there is none, raise the most specific reason.

    ``connection``: to the target, whose ledger records used requests. ``open_request``: the request that waits for an
    approval; errors in approvals of other requests are then not reported. ``known``: what other records say of the
    ledger. If the ledger is not intact, only a break-glass approval counts. Raises LedgerTampered.
    """
    now = datetime.now(UTC)
    state = read_ledger_state(connection, subject.environment, known, rules.version_table)
    valid, invalid = sort_approvals(rules, subject, documents, now)
    reasons: list[RolloutError] = []
    for request, signed in valid.items():
        try:
            state.refuse_used(connection, request)
            state.refuse_later_rows(request)
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


def current_requester(root: Path) -> str:
    """Return WISH_ROLLOUT_REQUESTER, or git's user.email, or ``UNKNOWN_REQUESTER``.

    The value is a claim that nothing verifies. Only approvers are verified, by their signatures.
    """
    from wish_rollout.rollout.approval.git import read_git_email

    return os.environ.get(REQUESTER) or read_git_email(root) or UNKNOWN_REQUESTER


def approval_text(document: str) -> str:
    """Return the text of an approval document, without its signature."""
    return split_document(document)[0]
