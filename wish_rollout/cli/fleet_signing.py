"""Signing of a request of a fleet: its targets are planned again, and each kind of plan is shown once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.cli import output
from wish_rollout.cli.run_output import show_plan
from wish_rollout.cli.signing_prompts import confirm_signature, describe_data_loss
from wish_rollout.core.fleet.grouping import shorten_names
from wish_rollout.core.text.redaction import escape_to_one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wish_rollout.core.approval.subject import Subject
    from wish_rollout.core.approval.wave_plan import WavePlan
    from wish_rollout.defs.gate.approval_events import RecordedRequest
    from wish_rollout.rollout.approval.signing import SignerInput
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget


def sign_fleet_request(
    project: Project, recorded: RecordedRequest, signer: SignerInput, *, quiet: bool, yes: bool
) -> str:
    """Show a request of a fleet and the plans, ask for confirmation, and return the signed approval.

    ``quiet`` and ``yes``: as for ``sign_request``. Raise NoApprovalRequest if the targets are not recorded, and what
    ``check_request`` raises if a target has another plan than the request.
    """
    from wish_rollout.core.errors.gate.requests import NoApprovalRequest
    from wish_rollout.rollout.approval.approval_validity import refuse_other_subject
    from wish_rollout.rollout.approval.signing import sign_approval
    from wish_rollout.rollout.fleet.wave_approvals import check_wave_approval, current_subject
    from wish_rollout.rollout.servers.fleet_targets import read_fleet

    request, plan = recorded.request, recorded.wave
    environment = request.subject.environment
    if plan is None:
        raise NoApprovalRequest(environment)
    env = project.config.find_environment(environment)
    rules, expected = current_subject(project, env, request, plan)
    refuse_other_subject(request, expected, rules)
    targets = [target for target in read_fleet(project.config, env) if target.name in plan.targets]
    order = order_of(request.subject)
    current, subject = plan_again(project, environment, plan, targets, order)
    refuse_other_plans(environment, plan, current)
    refuse_other_subject(request, subject, rules)
    if not quiet:
        show_groups(project, plan, targets, order)
    confirm_signature(request, quiet=quiet, yes=yes)
    document = sign_approval(project, None, request, rules.signers, signer)
    check_wave_approval(project, env, request, plan, document)
    return document


def order_of(subject: Subject) -> dict[str, Any]:
    """Return what a request asks to be done on each target."""
    from wish_rollout.core.plan.action import ROLLBACKS, Action

    acts = subject.act.split(", ")
    if subject.act in ROLLBACKS:
        return {"to": subject.end}
    return {"adopt": Action.ADOPT in acts, "replan": Action.REPLAN in acts}


def plan_again(
    project: Project,
    environment: str,
    plan: WavePlan,
    targets: Sequence[FleetTarget],
    order: Mapping[str, Any],
) -> tuple[WavePlan, Subject]:
    """Return the current plans of the targets of a request, and their subject.

    Raise FleetWorkerFailed, NoConnectionFree and NothingToApprove.
    """
    from wish_rollout.core.errors.planning.plans import NothingToApprove
    from wish_rollout.rollout.fleet.server_connections import TO_READ, Demand
    from wish_rollout.rollout.fleet.wave_planning import plan_targets, subject_of_wave, wave_plan
    from wish_rollout.rollout.fleet.worker_pool import WorkerPool

    env = project.config.find_environment(environment)
    with (
        output.progress(f"planning {len(targets)} targets") as report,
        WorkerPool(project, environment) as pool,
    ):
        demand = Demand(env, env.parallel, TO_READ, report)
        planned = plan_targets(project, pool, targets, order, demand)
    if not any(each.signed for each in planned):
        raise NothingToApprove(environment)
    current = wave_plan(plan.scope, planned, plan.uncovered)
    return current, subject_of_wave(environment, current, planned)


def refuse_other_plans(environment: str, requested: WavePlan, current: WavePlan) -> None:
    """Raise ApprovalOutdated with the names of the targets whose plans are not those of a request any more."""
    from wish_rollout.core.errors.gate.approvals import ApprovalOutdated

    changed = [name for name, signed in requested.targets.items() if current.targets.get(name) != signed]
    if changed:
        names = escape_to_one_line(shorten_names(changed))
        raise ApprovalOutdated(
            environment, f"since the request, the plan, database or ledger of {names} has changed"
        )


def show_groups(
    project: Project, plan: WavePlan, targets: Sequence[FleetTarget], order: Mapping[str, Any]
) -> None:
    """Print the groups of targets with equal plans, with the plan of the first of each. Raise PlanChanged."""
    from wish_rollout.core.approval.wave_plan import MOST_PLANS
    from wish_rollout.rollout.fleet.approvable_plans import plan_as_signed

    by_name = {target.name: target for target in targets}
    output.write_line(escape_to_one_line(f"{plan.place()}, {len(plan.groups())} different plans"))
    if plan.uncovered:
        names = escape_to_one_line(", ".join(plan.uncovered))
        output.write_line(f"not covered, because they could not be planned: {names}")
    for number, group in enumerate(plan.groups()):
        output.write_line(escape_to_one_line(f"{len(group)} targets: {', '.join(group)}"))
        if number < MOST_PLANS:
            first, signed = by_name[group[0]], plan.targets[group[0]]
            found = plan_as_signed(project, project.target_at(first.environment, first.url), order, signed)
            show_plan(found)
            output.write_line(f"{describe_data_loss(found)}\n")
