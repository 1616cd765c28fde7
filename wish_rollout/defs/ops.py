"""What the ops of the road do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.schema.delta_rendering import markdown
from wish_rollout.defs.checks import check_evaluations
from wish_rollout.defs.gate.gate import ApprovalGate, refuse_other_release
from wish_rollout.defs.metadata import plan_metadata, verification_metadata
from wish_rollout.defs.resources import target_of
from wish_rollout.defs.runs.failures import told
from wish_rollout.defs.runs.notifications import notify_of_change
from wish_rollout.defs.runs.run_tags import clear_copied_tags
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.execution.preflight import preflight as look_everywhere
from wish_rollout.rollout.execution.verification import verify_environment
from wish_rollout.rollout.planning.plans import plan_target
from wish_rollout.rollout.planning.refusals import refuse_infeasible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.config import Environment


def preflight(
    context: dg.OpExecutionContext, environments: tuple[Environment, ...]
) -> Iterator[dg.Output[Any]]:
    """Plan the release against every environment; raise the first reason not to go on."""
    clear_copied_tags(context.instance, context.run)
    with told():
        targets = [target_of(context, env.name) for env in environments]
        plan = look_everywhere(context.resources.project.project, targets, context.resources.choices)
        refuse_other_release(context, plan)
    for one in plan.environments:
        context.log.info(one.summary())
    yield dg.Output(None, "plan", metadata=plan_metadata(plan), data_version=dg.DataVersion(plan.digest))
    yield dg.Output({one.environment: one.signed_fields() for one in plan.environments}, "planned")


def migrate(context: dg.OpExecutionContext, env: Environment, planned: dict[str, Any]) -> dict[str, Any]:
    """Migrate one environment; a gated one only behind an approval, checked again under the lock."""
    project, target = context.resources.project.project, target_of(context, env.name)
    keeper = ApprovalGate(context, project, target)
    with told():
        migrated = migrate_environment(
            project,
            target,
            planned=planned[env.name],
            choices=context.resources.choices,
            actor=keeper.actor,
        )
    context.log.info(f"{env.name}: {migrated.action}, {migrated.seconds:.3f} s")
    promised = project.history.promised(tuple(migrated.start), tuple(migrated.end))
    delta = markdown(promised) if promised else "nothing: it was in step"
    return {**migrated.as_dict(), "delta": delta}


def verify(context: dg.OpExecutionContext, env: Environment, migrated: dict[str, Any]) -> Iterator[Any]:
    """Verify one environment, give its checks, and materialize it; a failed check ends the run."""
    with told():
        verification = verify_environment(
            context.resources.project.project,
            target_of(context, env.name),
            expected=migrated["expected"],
            again=True,
        )
    # given one by one, and not logged at the end: they must be kept where one of them failed
    yield from check_evaluations(verification)
    with told():
        verification.raise_if_failed()
    notify_of_change(context, env, migrated)
    yield dg.Output(
        None,
        metadata=verification_metadata(verification, migrated),
        data_version=dg.DataVersion(verification.seen.snapshot.fingerprint),
    )


def gate(context: dg.OpExecutionContext, env: Environment) -> Iterator[dg.Output[None]]:
    """Let the run through, or record a request for approval and end here, successfully."""
    project, target = context.resources.project.project, target_of(context, env.name)
    with told():
        plan, seen = plan_target(project, target, context.resources.choices)
        refuse_infeasible(env, plan, project, seen)
        if plan.is_empty:
            context.log.info(f"gate of {env.name}: nothing to do behind it")
        if plan.is_empty or ApprovalGate(context, project, target).open(plan):
            yield dg.Output(None)
