"""The jobs ``rollback`` and ``verify``."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.core.errors.planning.rollbacks import AlreadyAtRevision
from wish_rollout.core.release.release import format_position
from wish_rollout.defs import run_config
from wish_rollout.defs.asset_keys import parent_keys, schema_key
from wish_rollout.defs.checks import check_evaluations, refused_commit_as_failed_check
from wish_rollout.defs.events.versions import version_tags
from wish_rollout.defs.gate.approved_release import record_use
from wish_rollout.defs.gate.gate import ApprovalGate
from wish_rollout.defs.metadata import migration_fields, verification_metadata
from wish_rollout.defs.op_jobs import OpJob
from wish_rollout.defs.resources import project_of, target_of
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.defs.runs.notifications import failure_hook, notify_of_change
from wish_rollout.defs.runs.run_tags import clear_copied_tags
from wish_rollout.rollout.archives.checksums import add_missing_checksums
from wish_rollout.rollout.execution.verification import Verification, verify_environment
from wish_rollout.rollout.planning.rollback_plan import plan_feasible_rollback
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.rollback.rollback import rollback_environment


def rollback_job(config: Config) -> dg.JobDefinition:
    """Return the job that downgrades one environment."""
    job = OpJob(
        "rollback",
        "rollback_environment",
        "Downgrades one environment to an earlier revision, archives the rows that this would destroy, and verifies it.",
        run_config.rollback(config),
        {"environment": run_config.first_environment(config), "to": None},
    )
    return job.define(config, rollback, {failure_hook(config)})


def verify_job(config: Config) -> dg.JobDefinition:
    """Return the job that verifies one environment."""
    job = OpJob(
        "verify",
        "verify_environment",
        "Verifies that one environment has the schema of its revision, and materializes its asset.",
        run_config.environment(config),
        {"environment": run_config.first_environment(config)},
    )
    return job.define(config, verify)


def rollback(context: dg.OpExecutionContext) -> Iterator[Any]:
    """Downgrade one environment, verify it, and materialize ``schema/<env>``."""
    clear_copied_tags(context.instance, context.run)
    project = project_of(context)
    name, to = context.op_config["environment"], context.op_config["to"]
    with rollout_errors_as_failures():
        project.config.find_environment(name)
        target = target_of(context, name)
        gate = ApprovalGate(context, project, target)
        is_allowed = may_roll_back(context, gate, to)
    yield from gate.events
    if not is_allowed:
        yield dg.Output(None)
        return
    with rollout_errors_as_failures(), refused_commit_as_failed_check(context, project):
        migrated = rollback_environment(project, target, to, actor=gate.actor)
        record_use(context, migrated)
        verification = verify_environment(project, target, expected=migrated.expected)
    yield from check_evaluations(context, project, verification)
    with rollout_errors_as_failures():
        verification.raise_if_failed()
    yield materialization(context, project, verification, migration_fields(migrated))
    if migrated.archived:
        with rollout_errors_as_failures():
            add_missing_checksums(project, target, gate.actor.who)
    notify_of_change(context, target.environment, migrated.as_dict())
    yield dg.Output(None)


def may_roll_back(context: dg.OpExecutionContext, gate: ApprovalGate, to: str | None) -> bool:
    """Return whether a rollback may start: False if the revision is reached already, or an approval is missing.

    Raises what ``plan_feasible_rollback`` raises.
    """
    try:
        plan = plan_feasible_rollback(gate.project, gate.target, to)
    except AlreadyAtRevision as done:
        context.log.info(str(done))
        return False
    return not gate.target.environment.gated or gate.is_open_for(plan)


def verify(context: dg.OpExecutionContext) -> Iterator[Any]:
    """Verify one environment, and materialize ``schema/<env>``."""
    project, name = project_of(context), context.op_config["environment"]
    with rollout_errors_as_failures():
        project.config.find_environment(name)
        verification = verify_environment(project, target_of(context, name))
    yield from check_evaluations(context, project, verification)
    with rollout_errors_as_failures():
        verification.raise_if_failed()
    yield materialization(context, project, verification)
    yield dg.Output(None)


def materialization(
    context: dg.OpExecutionContext,
    project: Project,
    verification: Verification,
    migrated: dict[str, Any] | None = None,
) -> dg.AssetMaterialization:
    """Return the event that materializes ``schema/<env>`` in a job without assets.

    Its code version is the release's digest only at the head: an environment that is behind is shown as unsynced.
    """
    name, state = verification.environment, verification.seen
    at_head = state.facts.revisions == project.release.head
    return dg.AssetMaterialization(
        schema_key(name, project.config.project.name),
        metadata=verification_metadata(verification, migrated),
        tags=version_tags(
            context.instance,
            parent_keys(project.config, name),
            code_version=project.release_digest if at_head else format_position(state.facts.revisions),
            data_version=state.snapshot.fingerprint,
        ),
    )
