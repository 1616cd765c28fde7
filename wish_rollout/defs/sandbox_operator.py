"""Automatic approval in the sandbox: each gate's request is signed with the sandbox's own key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.gate.requests import NoApprovalRequest
from wish_rollout.core.plan.action import ROLLBACKS
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.launch import run_job
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.defs.runs.run_outcome import RunOutcome
from wish_rollout.rollout.approval.approval_progress import newest_valid_request
from wish_rollout.rollout.approval.approver_rules import approval_rules
from wish_rollout.rollout.approval.signing import SignerInput, sign_approval

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.rollout.project.project import Project


def run_through_gates(
    project: Project, reason: str, report_step: Callable[[str], None]
) -> tuple[RunOutcome, list[str]]:
    """Run the rollout and approve each gate once.

    ``report_step`` is called with each step's name. Returns the last run's outcome, with the stages of all runs, and
    the names of the approved environments.
    """
    approved: list[str] = []
    outcome = run_job(project.config, "rollout", report_step=report_step)
    while outcome.success and outcome.awaiting and outcome.awaiting not in approved:
        name = outcome.awaiting
        op_config = {"environment": name, "approval": sign_newest_request(project, name, reason)}
        run_config = {"ops": {"approve_plan": {"config": op_config}}}
        approval_run = run_job(project.config, "approve", run_config, report_step=report_step)
        if not approval_run.success:
            return approval_run, approved
        approved.append(name)
        earlier = {stage.environment: stage for stage in outcome.stages}
        outcome = run_job(project.config, "rollout", report_step=report_step)
        # the resumed run has nothing to do for an environment that the earlier run migrated
        outcome.stages = [earlier.get(stage.environment, stage) for stage in outcome.stages]
    return outcome, approved


def sign_newest_request(project: Project, environment: str, reason: str) -> str:
    """Return a signed approval of an environment's newest valid request, rollbacks excluded.

    Raises NoApprovalRequest if there is no open request.
    """
    target = project.target(environment)
    with open_instance(project.config) as instance:
        recorded = approval_store.read_open_requests(instance, environment, project.config.project.name)
    signers = approval_rules(project, target).signers
    requests = [each.request for each in recorded if each.request.subject.act not in ROLLBACKS]
    if not requests:
        raise NoApprovalRequest(environment)
    request = newest_valid_request(project, requests)
    return sign_approval(project, target, request, signers, SignerInput(reason))
