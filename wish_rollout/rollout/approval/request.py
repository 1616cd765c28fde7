"""A new request of an approval: its subject, its requester and its text."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import (
    UNKNOWN_REQUESTER,
    Request,
    to_document_time,
)
from wish_rollout.core.approval.subject import Subject, build_subject
from wish_rollout.core.ledger import EMPTY_LEDGER, LedgerHead
from wish_rollout.core.plan.action import Action
from wish_rollout.rollout.approval.plan_refusals import refuse_unapprovable
from wish_rollout.rollout.approval.revision_authors import read_release_authors

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.approval.approver_rules import ApprovalRules
    from wish_rollout.rollout.project.project import Project


REQUESTER = "WISH_ROLLOUT_REQUESTER"


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


def current_requester(root: Path) -> str:
    """Return WISH_ROLLOUT_REQUESTER, or git's user.email, or ``UNKNOWN_REQUESTER``.

    The value is a claim that nothing verifies. Only approvers are verified, by their signatures.
    """
    from wish_rollout.rollout.approval.git import read_git_email

    return os.environ.get(REQUESTER) or read_git_email(root) or UNKNOWN_REQUESTER
