"""The functions of the pipeline's ops: preflight, gate, migrate and verify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.defs.checks import check_evaluations, refused_commit_as_failed_check
from wish_rollout.defs.drift.preflight_events import passed_evaluations, refusal_events
from wish_rollout.defs.fleet.rollout_step import plan_fleet
from wish_rollout.defs.gate.approved_release import record_use, refuse_other_release
from wish_rollout.defs.gate.gate import ApprovalGate
from wish_rollout.defs.gate.gate_check import gate_passed
from wish_rollout.defs.metadata import migration_fields, plan_metadata, verification_metadata
from wish_rollout.defs.resources import choices_of, project_of, target_of
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.defs.runs.notifications import notify_of_change
from wish_rollout.defs.runs.run_tags import clear_copied_tags
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.execution.preflight import preflight as plan_all_environments
from wish_rollout.rollout.execution.verification import verify_environment
from wish_rollout.rollout.planning.plans import plan_target
from wish_rollout.rollout.planning.refusals import refuse_infeasible
from wish_rollout.rollout.servers.shared_addresses import refuse_shared_addresses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wish_rollout.config import Environment


def preflight(
    context: dg.OpExecutionContext, environments: Sequence[Environment], fleets: Sequence[Environment]
) -> Iterator[Any]:
    """Plan the release for all environments; raise a Failure if one of the plans cannot be executed.

    ``environments``: with one database each. Of ``fleets``, the lists of targets and the waves are checked; each target
    is planned when its turn comes.
    """
    clear_copied_tags(context.instance, context.run)
    with rollout_errors_as_failures():
        project = project_of(context)
        refuse_shared_addresses(project.config)
        for fleet in fleets:
            context.log.info(plan_fleet(context, fleet))
        targets = [target_of(context, env.name) for env in environments]
        try:
            plan = plan_all_environments(project, targets, choices_of(context))
        except RolloutError as error:
            yield from refusal_events(context.instance, project, targets, error)
            raise
        refuse_other_release(context, plan)
    yield from passed_evaluations(project, plan)
    for each in plan.environments:
        context.log.info(each.summary())
    yield dg.Output(None, "plan", metadata=plan_metadata(plan), data_version=dg.DataVersion(plan.digest))
    if environments:  # no step reads the output if all environments are fleets
        yield dg.Output({each.environment: each.signed_fields() for each in plan.environments}, "planned")


def migrate(context: dg.OpExecutionContext, env: Environment, planned: dict[str, Any]) -> dict[str, Any]:
    """Migrate one environment. For a gated one, the approval is verified again while the rollout lock is held."""
    project, target = project_of(context), target_of(context, env.name)
    with rollout_errors_as_failures(), refused_commit_as_failed_check(context, project):
        migrated = migrate_environment(
            project,
            target,
            planned=planned[env.name],
            choices=choices_of(context),
            actor=ApprovalGate(context, project, target).actor,
        )
    record_use(context, migrated)
    context.log.info(f"{env.name}: {migrated.action}, {migrated.seconds:.3f} s")
    return migration_fields(migrated)


def verify(context: dg.OpExecutionContext, env: Environment, migrated: dict[str, Any]) -> Iterator[Any]:
    """Verify one environment, record its checks, and materialize it. A failed check fails the step."""
    project = project_of(context)
    with rollout_errors_as_failures():
        verification = verify_environment(
            project,
            target_of(context, env.name),
            expected=migrated["expected"],
            again=True,
        )
    # yielded before a failed check raises, so that Dagster stores all results
    yield from check_evaluations(context, project, verification)
    with rollout_errors_as_failures():
        verification.raise_if_failed()
    notify_of_change(context, env, migrated)
    yield dg.Output(
        None,
        metadata=verification_metadata(verification, migrated),
        data_version=dg.DataVersion(verification.seen.snapshot.fingerprint),
    )


def gate(context: dg.OpExecutionContext, env: Environment) -> Iterator[Any]:
    """Yield an output if the plan is approved or empty. Otherwise record a request and yield nothing."""
    project, target = project_of(context), target_of(context, env.name)
    with rollout_errors_as_failures():
        plan, state = plan_target(project, target, choices_of(context))
        refuse_infeasible(env, plan, project, state)
        if plan.is_empty:
            context.log.info(f"gate of {env.name}: nothing to approve, {env.name} is in step")
        approval = ApprovalGate(context, project, target)
        is_open = plan.is_empty or approval.is_open_for(plan)
    if plan.is_empty:
        yield gate_passed(project, env.name, f"nothing to approve: {env.name} is in step")
    yield from approval.events
    if is_open:
        yield dg.Output(None)
