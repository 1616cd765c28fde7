"""Looking at every environment before any is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.plan.plan import Plan
from wish_rollout.rollout.approval.approvals import subject_of_plan
from wish_rollout.rollout.approval.approver_rules import approval_rules, refuse_unreachable_quorum
from wish_rollout.rollout.approval.ledger_guard import refuse_bypassed_gates
from wish_rollout.rollout.planning.plans import NO_CHOICES, Choices, plan_target
from wish_rollout.rollout.planning.refusals import refuse_infeasible
from wish_rollout.rollout.planning.shared_databases import refuse_same_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target


def preflight(project: Project, targets: Sequence[Target], choices: Choices = NO_CHOICES) -> Plan:
    """Plan each environment, and raise the first reason, in promotion order, why one cannot be migrated.

    A gated environment that nobody could approve anything for is such a reason (ApproversNotConfigured, InvalidAllowedSigners,
    RevisionAuthorUnknown, QuorumUnreachable).
    All of them are read, and their rows counted, before any is judged: an unreachable last one, and a row there
    that the new schema would refuse, are known before the first is touched.
    """
    for name in (*choices.adopt, *choices.clean):
        project.config.find_environment(name)
    planned = [plan_target(project, target, choices) for target in targets]
    refuse_same_database(project, {plan.environment: seen.facts for plan, seen in planned})
    refuse_bypassed_gates(project, targets)
    for target, (plan, seen) in zip(targets, planned, strict=True):
        refuse_infeasible(target.environment, plan, project, seen)
        if target.environment.gated and not plan.is_empty:
            rules = approval_rules(project, target)
            subject = subject_of_plan(project, rules, plan)
            if not rules.policy.break_glass:  # else one may still go on, in an emergency
                refuse_unreachable_quorum(target.name, rules, subject.hazards)
    return Plan(project.release_digest, project.release.head, tuple(plan for plan, _ in planned))
