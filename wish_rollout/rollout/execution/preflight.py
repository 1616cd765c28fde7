"""The preflight: every environment is planned before the first one is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.gate.ledger import LedgerPrivilegeMissing
from wish_rollout.core.plan.release_plan import Plan
from wish_rollout.rollout.approval.approver_rules import approval_rules, refuse_unreachable_quorum
from wish_rollout.rollout.approval.ledger_guard import refuse_bypassed_gates
from wish_rollout.rollout.approval.request import subject_of_plan
from wish_rollout.rollout.planning.plans import NO_CHOICES, Choices, plan_target
from wish_rollout.rollout.planning.refusals import refuse_infeasible
from wish_rollout.rollout.planning.shared_databases import refuse_same_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


def preflight(project: Project, targets: Sequence[Target], choices: Choices = NO_CHOICES) -> Plan:
    """Return the plan of each environment; raise the first error, in promotion order, that prevents a migration.

    All environments are read before the first error is raised, so that an unreachable last environment, or a row
    there that violates the new schema, is reported before the first environment is changed. A gated environment
    whose quorum cannot be reached is an error too (ApproversNotConfigured, InvalidAllowedSigners,
    RevisionAuthorUnknown, QuorumUnreachable).
    """
    for name in (*choices.adopt, *choices.clean, *choices.replan):
        project.config.find_environment(name)
    planned = [plan_target(project, target, choices) for target in targets]
    refuse_same_database(project, {plan.environment: seen.facts for plan, seen in planned})
    for plan, seen in planned:
        if seen.facts.ledger and not seen.facts.writes_ledger and not plan.is_empty:
            raise LedgerPrivilegeMissing(plan.environment, seen.facts.role)
    refuse_bypassed_gates(targets)
    for target, (plan, seen) in zip(targets, planned, strict=True):
        refuse_infeasible(target.environment, plan, project, seen)
        if target.environment.gated and not plan.is_empty:
            rules = approval_rules(project, target)
            subject = subject_of_plan(project, rules, plan)
            if not rules.policy.break_glass:  # with break-glass one approver may proceed
                refuse_unreachable_quorum(target.name, rules, subject.hazards)
    return Plan(project.release_digest, project.release.head, tuple(plan for plan, _ in planned))
