"""Asking for an approval of what stands, and judging what was handed in."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wish_rollout.config import ApprovalConfig
from wish_rollout.core.approval.documents import UNKNOWN, Request, Statement, Subject, subject_of, utc
from wish_rollout.core.approval.policy import Authorization, Policy, SignedStatement, check_person, check_request, grant
from wish_rollout.core.errors.approvals import QuorumNotMet
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.configuration import QuorumUnreachable
from wish_rollout.core.errors.plans import WaitingAtGate
from wish_rollout.core.errors.requests import ApprovalUsed
from wish_rollout.core.errors.signatures import (
    InvalidApprovalDocument,
    ApprovalSignatureInvalid,
    ApprovalNotSigned,
    UnknownSigner,
    ApproversNotConfigured,
)
from wish_rollout.core.plan.plan import Action
from wish_rollout.rollout.approval.revision_authors import read_revision_authors
from wish_rollout.signing.allowed_signers import Signers, read_signers
from wish_rollout.signing.sandbox_key import SIGNERS
from wish_rollout.signing.verification import split, verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import psycopg

    from wish_rollout.config import Environment
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target

REQUESTER = "WISH_ROLLOUT_REQUESTER"


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """What holds for one target now: the policy, and who may sign."""

    policy: Policy
    signers: Signers


@dataclass(frozen=True, slots=True)
class UncountedApproval:
    """An approval that does not count, and why."""

    document: str
    error: RolloutError


def approval_rules(project: Project, target: Target) -> ApprovalRules:
    """Read the rules for a target; raise UnsignedGate, BadSigners.

    The sandbox's own databases, and they alone, have its own rules: one signature, by its own key.
    """
    from wish_rollout.rollout.project.project_sandbox import belongs_to_sandbox, home

    if belongs_to_sandbox(project.config, target):
        signers = read_signers(home(project.config) / SIGNERS)
        return ApprovalRules(Policy(signers.digest, four_eyes=False), signers)
    signers = read_allowed_signers(project, target.environment)
    approval = target.environment.approval or ApprovalConfig()
    return ApprovalRules(approval.policy(signers.digest), signers)


def read_allowed_signers(project: Project, env: Environment) -> Signers:
    """Read who may sign for an environment, as rollout.toml says; raise UnsignedGate, BadSigners."""
    named = env.approval.allowed_signers if env.approval else None
    if named is None:
        raise ApproversNotConfigured(env.name, "rollout.toml names no file of allowed signers for it")
    path = project.config.root / named
    if not path.exists():
        raise ApproversNotConfigured(env.name, f"its file of allowed signers, {named}, is not there")
    return read_signers(path)


def refuse_unreachable_quorum(environment: str, rules: ApprovalRules, hazards: Sequence[str] = ()) -> None:
    """Raise QuorumUnreachable where fewer persons may sign than have to for these hazards."""
    now = datetime.now(UTC)
    names = {
        name for each in rules.signers.entries if each.for_us and each.valid(now) for name in each.principals
    }
    counted = {rules.signers.person(name) for name in names if rules.policy.hears(name)}
    wanted = rules.policy.wanted(hazards)
    if len(counted) < wanted:
        raise QuorumUnreachable(environment, len(counted), wanted)


def standing(project: Project, rules: ApprovalRules, plan: EnvironmentPlan) -> Subject:
    """Say what carrying out this plan means now, under these rules; raise AuthorUnknown."""
    revisions = [each.split(" ", maxsplit=1)[0] for each in plan.pending]
    wanted = rules.policy.four_eyes and plan.action is not Action.NOTHING
    authors = read_revision_authors(project, plan.environment, revisions) if wanted else ()
    return subject_of(plan, rules.policy.digest, authors)


def new_request(rules: ApprovalRules, subject: Subject, requester: str, now: datetime | None = None) -> Request:
    """Ask for an approval of what stands."""
    now = utc(now or datetime.now(UTC))
    return Request(subject, requester, now, now + rules.policy.lives, secrets.token_hex(32))


def judge(
    rules: ApprovalRules, subject: Subject, documents: Sequence[str], now: datetime | None = None
) -> tuple[dict[Request, list[SignedStatement]], list[UncountedApproval]]:
    """Sort approvals: those that count, by the request that they are of, and the others, each with its reason."""
    now = now or datetime.now(UTC)
    counted: dict[Request, list[SignedStatement]] = {}
    refused = []
    for document in documents:
        try:
            signed = accept(rules, subject, document, now)
        except RolloutError as error:
            refused.append(UncountedApproval(document, error))
        else:
            counted.setdefault(signed.statement.request, []).append(signed)
    return counted, refused


def accept(rules: ApprovalRules, subject: Subject, document: str, now: datetime | None = None) -> SignedStatement:
    """Check one approval by itself: the signature, the person, and what it is of.

    Raises what ``signing.verification``, ``check_request`` and ``check_person`` do.
    """
    now = now or datetime.now(UTC)
    signed = verify(document, subject.environment, rules.signers, now)
    check_request(signed.statement.request, subject, rules.policy, now)
    check_person(signed, rules.policy)
    return signed


def decide(
    rules: ApprovalRules,
    subject: Subject,
    documents: Sequence[str],
    connection: psycopg.Connection[Any],
    asked: Request | None = None,
) -> Authorization:
    """Give what lets this through; else raise the most telling reason why nothing does.

    ``connection`` is to the target: its ledger says which approvals were used up. ``asked``: the request that is
    open for it: what is wrong with approvals of another one is then no reason.
    """
    now = datetime.now(UTC)
    counted, refused = judge(rules, subject, documents, now)
    reasons: list[RolloutError] = []
    for request, signed in counted.items():
        try:
            refuse_used_request(connection, request)
            return grant(request, signed, rules.policy, now)
        except RolloutError as error:
            reasons.append(error)
    reasons.sort(key=lambda error: isinstance(error, QuorumNotMet))
    if not reasons:
        meant = (
            each.error for each in _genuine_first(refused) if _explains(connection, each.document, asked)
        )
        reasons = [next(meant, WaitingAtGate(subject.environment, subject.plan))]
    raise reasons[0]


def _genuine_first(refused: Sequence[UncountedApproval]) -> list[UncountedApproval]:
    """Put what somebody did sign before what anybody may have written."""
    forged = (InvalidApprovalDocument, ApprovalNotSigned, ApprovalSignatureInvalid, UnknownSigner)
    return sorted(refused, key=lambda each: isinstance(each.error, forged))


def _explains(connection: psycopg.Connection[Any], document: str, asked: Request | None) -> bool:
    """Whether an approval was meant for what stands now: not of something that is done, or asked for besides."""
    from wish_rollout.postgres.records.ledger import read_nonce_use

    try:
        nonce = Statement.from_text(text_of(document)).request.nonce
    except InvalidApprovalDocument:
        return True
    return (asked is None or asked.nonce == nonce) and not read_nonce_use(connection, nonce)


def refuse_used_request(connection: psycopg.Connection[Any], request: Request) -> None:
    """Raise ApprovalUsed where the target's ledger has the request's nonce."""
    from wish_rollout.postgres.records.ledger import read_nonce_use

    if used := read_nonce_use(connection, request.nonce):
        raise ApprovalUsed(request.subject.environment, request.nonce, used)


def requester(root: Path) -> str:
    """Say who asks: the variable WISH_ROLLOUT_REQUESTER, else git's user.email, else unknown.

    It is a claim, as everything that is said to Dagster; only approvals are proven.
    """
    from wish_rollout.rollout.approval.revision_authors import read_git_email

    return os.environ.get(REQUESTER) or read_git_email(root) or UNKNOWN


def text_of(document: str) -> str:
    """Give the text of an approval file, without its signature."""
    return split(document)[0]
