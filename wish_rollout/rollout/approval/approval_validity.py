"""What an approval is held against: the plan that stands for the act that it names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import Request, Statement
from wish_rollout.core.approval.policy import check_request
from wish_rollout.core.errors.plans import EnvironmentNotGated, NothingToApprove
from wish_rollout.core.errors.requests import RequestRejected
from wish_rollout.core.plan.plan import Action
from wish_rollout.rollout.approval.approvals import accept, refuse_used_request, approval_rules, standing, text_of
from wish_rollout.rollout.planning.plans import Choices, plan_target
from wish_rollout.rollout.planning.refusals import refuse_infeasible
from wish_rollout.rollout.planning.rollback_plan import plan_rollback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.approval.documents import Subject
    from wish_rollout.core.approval.policy import SignedStatement
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.approval.approvals import ApprovalRules
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target


def plan_for_request(project: Project, target: Target, asked: Subject) -> EnvironmentPlan:
    """Plan now what a request was made for: a migration, an adoption, or a rollback to the same revision.

    Raises NotGated, NothingToApprove, and why it cannot be carried out.
    """
    env = target.environment
    if not env.gated:
        raise EnvironmentNotGated(env.name)
    if asked.act == Action.ROLLBACK:
        return plan_rollback(project, target, asked.end)
    choices = Choices(adopt=(env.name,)) if asked.act == Action.ADOPT else Choices()
    plan, seen = plan_target(project, target, choices)
    refuse_infeasible(env, plan, project, seen)
    if plan.is_empty:
        raise NothingToApprove(env.name)
    return plan


def check_submitted_approval(project: Project, target: Target, document: str, rejected: Mapping[str, str]) -> SignedStatement:
    """Check an approval that somebody hands in, against what stands now.

    ``rejected``: the nonces of requests that were turned down, and by whom. Raises BadApproval,
    RequestRejected, ApprovalUsed, and what ``accept`` and ``plan_for_request`` do.
    """
    request = Statement.from_text(text_of(document)).request
    refuse_rejected_request(request, rejected)
    rules = approval_rules(project, target)
    with target.connect() as connection:
        refuse_used_request(connection, request)
    plan = plan_for_request(project, target, request.subject)
    return accept(rules, standing(project, rules, plan), document)


def refuse_other_subject(request: Request, subject: Subject, rules: ApprovalRules) -> None:
    """Raise where a request is not of exactly what stands now: as ``core.approval.policy.check_request``."""
    check_request(request, subject, rules.policy, datetime.now(UTC))


def refuse_void_request(project: Project, target: Target, rules: ApprovalRules, request: Request) -> None:
    """Look at the database, and raise where a request is not of what stands: as ``plan_for_request``, ``refuse_other_subject``."""
    plan = plan_for_request(project, target, request.subject)
    refuse_other_subject(request, standing(project, rules, plan), rules)


def refuse_rejected_request(request: Request, rejected: Mapping[str, str]) -> None:
    """Raise RequestRejected where the request was turned down."""
    if request.nonce in rejected:
        raise RequestRejected(request.subject.environment, request.nonce, rejected[request.nonce])
