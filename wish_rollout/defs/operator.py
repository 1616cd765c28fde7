"""The sandbox's own operator: goes on at a gate by approving exactly the plan that stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.defs.launch import Outcome, run
from wish_rollout.rollout.preflight import preflight

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.rollout.project import Project

OPERATOR = "sandbox operator"


def run_through_gates(
    project: Project, reason: str, tell: Callable[[str], None]
) -> tuple[Outcome, list[str]]:
    """Run the rollout, approving each gate once; give the last outcome with every stage, and who was approved."""
    approved: list[str] = []
    outcome = run(project.config, "rollout", tell=tell)
    while outcome.success and outcome.awaiting and outcome.awaiting not in approved:
        name = outcome.awaiting
        plan = preflight(project, [project.target(name)]).environments[0]
        config = {"environment": name, "plan_digest": plan.digest, "approver": OPERATOR, "reason": reason}
        granted = run(project.config, "approve", {"ops": {"approve_plan": {"config": config}}}, tell=tell)
        if not granted.success:
            return granted, approved
        approved.append(name)
        before = {stage.environment: stage for stage in outcome.stages}
        outcome = run(project.config, "rollout", tell=tell)
        # what the first run did is the account; the second one found it done
        outcome.stages = [before.get(stage.environment, stage) for stage in outcome.stages]
    return outcome, approved
