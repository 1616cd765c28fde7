"""The plans of a wave's targets as an approver reads them: each kind of plan once, with the names of its targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.approval.wave_plan import MOST_PLANS
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.text.redaction import escape_to_one_line
from wish_rollout.defs.metadata import plan_markdown
from wish_rollout.rollout.fleet.approvable_plans import plan_as_signed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wish_rollout.core.approval.wave_plan import SignedTarget, WavePlan
    from wish_rollout.rollout.fleet.approvable_plans import PlannedTarget
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget


def plans_markdown(
    project: Project,
    plan: WavePlan,
    targets: Sequence[FleetTarget],
    planned: Sequence[PlannedTarget],
    order: Mapping[str, Any],
) -> str:
    """Return the groups of targets with equal plans, the plan of the first of each, and the targets without a plan.

    ``planned``: of all targets, with the errors of those without a plan.
    """
    by_name = {target.name: target for target in targets}
    parts = [f"## {plan.place()}, {len(plan.groups())} different plans"]
    errors = {each.target: each.error for each in planned if each.error}
    parts += [
        f"- not covered: {name}: {escape_to_one_line(error.text)}" for name, error in errors.items() if error
    ]
    for number, names in enumerate(plan.groups()):
        parts.append(f"### {len(names)} targets: {', '.join(names)}")
        if number < MOST_PLANS:
            parts.append(_plan_of(project, by_name[names[0]], order, plan.targets[names[0]]))
    return "\n\n".join(parts)


def _plan_of(project: Project, target: FleetTarget, order: Mapping[str, Any], signed: SignedTarget) -> str:
    try:
        found = plan_as_signed(project, project.target_at(target.environment, target.url), order, signed)
    except RolloutError as error:
        return f"The plan of {target.name} cannot be shown: {escape_to_one_line(error.fill(error.summary))}"
    return plan_markdown(found)
