"""Comparison of requests and approvals with the plan of the current database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import ApprovalStatement, Request
from wish_rollout.core.approval.policy import check_request
from wish_rollout.core.errors.gate.requests import RequestRejected
from wish_rollout.core.errors.planning.plans import EnvironmentNotGated, NothingToApprove
from wish_rollout.core.plan.action import ROLLBACKS, Action
from wish_rollout.rollout.approval.approvals import approval_text, check_approval, refuse_used_request
from wish_rollout.rollout.approval.approver_rules import approval_rules, configured_rules
from wish_rollout.rollout.approval.ledger_guard import read_ledger_state
from wish_rollout.rollout.approval.request import subject_of_plan
from wish_rollout.rollout.planning.plans import Choices, plan_target
from wish_rollout.rollout.planning.refusals import refuse_infeasible
from wish_rollout.rollout.planning.rollbacks.rollback_plan import plan_rollback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.config import Environment
    from wish_rollout.core.approval.policy import SignedStatement
    from wish_rollout.core.approval.subject import Subject
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.approval.approver_rules import ApprovalRules
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


def plan_for_request(project: Project, target: Target, requested: Subject) -> EnvironmentPlan:
    """Return the current plan of a request's act: a migration, an adoption, or a rollback to the same revision.

    Raises EnvironmentNotGated, NothingToApprove, and what ``refuse_infeasible`` and ``plan_rollback`` raise.
    """
    env = target.environment
    if not env.gated:
        raise EnvironmentNotGated(env.name)
    if requested.act in ROLLBACKS:
        by_remedy = requested.act == Action.ROLLBACK_BY_REMEDY
        return plan_rollback(project, target, requested.end, by_remedy=by_remedy)
    choices = Choices(
        adopt=(env.name,) if requested.act == Action.ADOPT else (),
        replan=(env.name,) if requested.act == Action.REPLAN else (),
    )
    plan, state = plan_target(project, target, choices)
    refuse_infeasible(env, plan, project, state)
    if plan.is_empty:
        raise NothingToApprove(env.name)
    return plan


def check_submitted_approval(
    project: Project, target: Target, document: str, rejected: Mapping[str, str]
) -> SignedStatement:
    """Return the verified statement of a submitted approval, compared with the current plan.

    ``rejected``: nonces of rejected requests → who rejected them, and the reason. Raises InvalidApprovalDocument,
    RequestRejected, ApprovalUsed, and what ``plan_for_request`` and ``check_approval`` raise.
    """
    request = ApprovalStatement.from_text(approval_text(document)).request
    refuse_rejected_request(request, rejected)
    rules = approval_rules(project, target)
    with target.connect() as connection:
        refuse_used_request(connection, request)
        state = read_ledger_state(connection, target.name, version_table=rules.version_table)
        state.refuse_later_rows(request)
    plan = plan_for_request(project, target, request.subject)
    return check_approval(rules, subject_of_plan(project, rules, plan), document)


def refuse_other_subject(request: Request, subject: Subject, rules: ApprovalRules) -> None:
    """Raise if a request is not for exactly this subject; see ``core.approval.policy.check_request``."""
    check_request(request, subject, rules.policy, datetime.now(UTC))


def refuse_void_request(project: Project, target: Target, rules: ApprovalRules, request: Request) -> None:
    """Read the database, and raise if a request is not for its current plan.

    Raises what ``plan_for_request`` and ``refuse_other_subject`` raise.
    """
    with target.connect() as connection:
        state = read_ledger_state(connection, target.name, version_table=rules.version_table)
        state.refuse_later_rows(request)
    plan = plan_for_request(project, target, request.subject)
    refuse_other_subject(request, subject_of_plan(project, rules, plan), rules)


def refuse_outdated_request(project: Project, fleet: Environment, request: Request) -> None:
    """Raise if a request of a fleet is not for the current release under the current policy. Reads no target.

    Raises what ``configured_rules`` and ``refuse_other_subject`` raise.
    """
    rules = configured_rules(project, fleet)
    subject = replace(request.subject, release=project.release_digest, policy=rules.policy.digest)
    refuse_other_subject(request, subject, rules)


def refuse_rejected_request(request: Request, rejected: Mapping[str, str]) -> None:
    """Raise RequestRejected if the request's nonce is among the rejected ones."""
    if request.nonce in rejected:
        raise RequestRejected(request.subject.environment, request.nonce, rejected[request.nonce])
