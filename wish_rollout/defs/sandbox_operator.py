"""The sandbox's own operator: goes on at a gate by signing exactly what is asked there, with a key of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.requests import NoApprovalRequest
from wish_rollout.core.plan.plan import Action
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.launch import RunOutcome, run
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.rollout.approval.approval_progress import newest_valid_request
from wish_rollout.rollout.approval.approvals import approval_rules
from wish_rollout.rollout.approval.signing import Tokens, sign_approval

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.rollout.project.project import Project


def run_through_gates(
    project: Project, reason: str, tell: Callable[[str], None]
) -> tuple[RunOutcome, list[str]]:
    """Run the rollout, approving each gate once; give the last outcome with every stage, and who was approved."""
    approved: list[str] = []
    outcome = run(project.config, "rollout", tell=tell)
    while outcome.success and outcome.awaiting and outcome.awaiting not in approved:
        name = outcome.awaiting
        config = {"environment": name, "approval": approval(project, name, reason)}
        granted = run(project.config, "approve", {"ops": {"approve_plan": {"config": config}}}, tell=tell)
        if not granted.success:
            return granted, approved
        approved.append(name)
        before = {stage.environment: stage for stage in outcome.stages}
        outcome = run(project.config, "rollout", tell=tell)
        # what the first run did is the account; the second one found it done
        outcome.stages = [before.get(stage.environment, stage) for stage in outcome.stages]
    return outcome, approved


def approval(project: Project, environment: str, reason: str) -> str:
    """Sign what is asked for an environment; raise NoRequest."""
    target = project.target(environment)
    with open_instance(project.config) as instance:
        asked = approval_store.requests(instance, environment)
    signers = approval_rules(project, target).signers
    forth = [each.request for each in asked if each.request.subject.act != Action.ROLLBACK]
    if not forth:
        raise NoApprovalRequest(environment)
    request = newest_valid_request(project, forth)
    return sign_approval(project, target, request, signers, Tokens(reason))
