"""What the ops of the road do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.plan import EnvironmentPlan
from wish_rollout.core.render import markdown
from wish_rollout.defs import approvals
from wish_rollout.defs.checks import evaluations
from wish_rollout.defs.failures import told
from wish_rollout.defs.metadata import plan_markdown, plan_metadata, verification_metadata
from wish_rollout.defs.resources import target_of
from wish_rollout.rollout.acting import migrate_environment
from wish_rollout.rollout.planning import plan_target, refuse_unfit
from wish_rollout.rollout.preflight import preflight as look_everywhere
from wish_rollout.rollout.verifying import verify_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.config import Environment

AWAITING = "wish_rollout/awaiting_approval"


def preflight(
    context: dg.OpExecutionContext, environments: tuple[Environment, ...]
) -> Iterator[dg.Output[Any]]:
    """Plan the release against every environment; raise the first reason not to go on."""
    with told():
        targets = [target_of(context, env.name) for env in environments]
        plan = look_everywhere(context.resources.project.project, targets, context.resources.choices.choices)
    for one in plan.environments:
        context.log.info(one.summary())
    yield dg.Output(None, "plan", metadata=plan_metadata(plan), data_version=dg.DataVersion(plan.digest))
    yield dg.Output({one.environment: one.signed_fields() for one in plan.environments}, "planned")


def migrate(context: dg.OpExecutionContext, env: Environment, planned: dict[str, Any]) -> dict[str, Any]:
    """Migrate one environment; a gated one only behind an approval, looked for again under the lock."""

    def approved(plan: EnvironmentPlan) -> None:
        approvals.require(context.instance, plan)

    with told():
        migrated = migrate_environment(
            context.resources.project.project,
            target_of(context, env.name),
            planned=planned[env.name],
            choices=context.resources.choices.choices,
            gate=approved if env.gated else None,
        )
    context.log.info(f"{env.name}: {migrated.action}, {migrated.seconds:.3f} s")
    project = context.resources.project.project
    promised = project.history.promised(tuple(migrated.start), tuple(migrated.end))
    delta = markdown(promised) if promised else "nothing: it was in step"
    return {**migrated.as_dict(), "delta": delta}


def verify(context: dg.OpExecutionContext, env: Environment, migrated: dict[str, Any]) -> dg.Output[None]:
    """Verify one environment, log its checks, and materialize it; a failed check ends the run."""
    with told():
        verification = verify_environment(
            context.resources.project.project,
            target_of(context, env.name),
            expected=migrated["expected"],
            again=True,
        )
        for evaluation in evaluations(verification):
            context.log_event(evaluation)  # type: ignore[arg-type]  # it takes these, and does not say so
        verification.raise_if_failed()
    return dg.Output(
        None,
        metadata=verification_metadata(verification, migrated),
        data_version=dg.DataVersion(verification.seen.snapshot.fingerprint),
    )


def gate(context: dg.OpExecutionContext, env: Environment) -> Iterator[dg.Output[None]]:
    """Let the run through, or record a request for approval and end here, successfully."""
    project = context.resources.project.project
    with told():
        plan, seen = plan_target(project, target_of(context, env.name), context.resources.choices.choices)
        refuse_unfit(env, plan, project, seen)
    approval = approvals.find(context.instance, plan)
    if plan.is_empty or approval:
        who = f"approved by {approval.approver}: {approval.reason}" if approval else "nothing to do behind it"
        context.log.info(f"gate of {env.name}: {who}")
        yield dg.Output(None)
        return
    context.log_event(approvals.request(plan, plan_markdown(plan)))
    context.instance.add_run_tags(context.run_id, {AWAITING: env.name})
    context.log.warning(
        f"{env.name} waits for the approval of plan {plan.digest}. To approve: "
        f"wish-rollout approve {env.name} --reason '…', or the job 'approve'."
    )
