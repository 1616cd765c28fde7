"""The functions of the ops of the job ``rollback``."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from wish_rollout.core.errors.planning.rollbacks import AlreadyAtRevision
from wish_rollout.core.plan.action import Action
from wish_rollout.core.plan.plan import EnvironmentPlan
from wish_rollout.core.release.release import format_position
from wish_rollout.defs.checks import check_evaluations, refused_commit_as_failed_check
from wish_rollout.defs.events.limits import limited_names, markdown
from wish_rollout.defs.gate.approved_release import record_use
from wish_rollout.defs.gate.gate import ApprovalGate
from wish_rollout.defs.jobs import materialization
from wish_rollout.defs.metadata import migration_fields, plan_markdown
from wish_rollout.defs.resources import project_of, target_of
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.defs.runs.notifications import notify_of_change
from wish_rollout.defs.runs.run_tags import clear_copied_tags
from wish_rollout.rollout.archives.checksums import add_missing_checksums
from wish_rollout.rollout.execution.verification import verify_environment
from wish_rollout.rollout.planning.rollbacks.rollback_plan import plan_feasible_rollback
from wish_rollout.rollout.rollback.rollback import rollback_environment


def plan_rollback(context: dg.OpExecutionContext) -> Iterator[Any]:
    """Yield the plan of the rollback that the configuration names; nothing if the revision is reached already."""
    clear_copied_tags(context.instance, context.run)
    project, config = project_of(context), context.op_config
    with rollout_errors_as_failures():
        project.config.find_environment(config["environment"])
        target = target_of(context, config["environment"])
        try:
            plan = plan_feasible_rollback(project, target, config["to"], by_remedy=config["by_remedy"])
        except AlreadyAtRevision as done:
            context.log.info(str(done))
            return
    context.log.info(plan.summary())
    yield dg.Output(plan.signed_fields(), metadata=_plan_metadata(plan))


def _plan_metadata(plan: EnvironmentPlan) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "plan": markdown(
            plan_markdown(plan),
            f"wish-rollout plan {plan.environment} --rollback --to {format_position(plan.end)}",
        ),
        "plan digest": plan.digest,
    }
    return {**metadata, "archives": limited_names(plan.archives)} if plan.archives else metadata


def open_gate(context: dg.OpExecutionContext, planned: dict[str, Any]) -> Iterator[Any]:
    """Yield the plan if the environment is not gated, or the plan is approved. Otherwise record a request."""
    project, name = project_of(context), planned["environment"]
    with rollout_errors_as_failures():
        target = target_of(context, name)
        if not target.environment.gated:
            context.log.info(f"{name} has no gate")
            yield dg.Output(planned)
            return
        plan = plan_feasible_rollback(project, target, **_arguments(planned))
        gate = ApprovalGate(context, project, target)
        is_open = gate.is_open_for(plan)
    yield from gate.events
    if is_open:
        yield dg.Output(plan.signed_fields())


def archive_and_downgrade(context: dg.OpExecutionContext, planned: dict[str, Any]) -> Iterator[Any]:
    """Archive and downgrade under the rollout lock. For a gated environment, the approval is verified again."""
    project, name = project_of(context), planned["environment"]
    target = target_of(context, name)
    with rollout_errors_as_failures(), refused_commit_as_failed_check(context, project):
        actor = ApprovalGate(context, project, target).actor
        end = _arguments(planned)["to"]
        migrated = rollback_environment(project, target, end, planned=planned, actor=actor)
    record_use(context, migrated)
    context.log.info(f"{name}: {migrated.action}, {migrated.seconds:.3f} s")
    yield dg.Output(migration_fields(migrated), metadata={"archived": sum(migrated.archived.values())})


def verify_rollback(context: dg.OpExecutionContext, migrated: dict[str, Any]) -> Iterator[Any]:
    """Verify the environment, and materialize ``schema/<env>``. A failed check fails the step."""
    project, target = project_of(context), target_of(context, migrated["environment"])
    with rollout_errors_as_failures():
        verification = verify_environment(project, target, expected=migrated["expected"])
    yield from check_evaluations(context, project, verification)
    with rollout_errors_as_failures():
        verification.raise_if_failed()
    yield materialization(context, project, verification, migrated)
    if migrated["archived"]:
        with rollout_errors_as_failures():
            add_missing_checksums(project, target, ApprovalGate(context, project, target).actor.who)
    notify_of_change(context, target.environment, migrated)
    yield dg.Output(None)


def _arguments(planned: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a rollback to the end of a plan."""
    return {
        "to": format_position(tuple(planned["end"])),
        "by_remedy": planned["action"] == Action.ROLLBACK_BY_REMEDY,
    }
