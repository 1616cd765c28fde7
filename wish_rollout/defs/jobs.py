"""The jobs ``rollback``, ``verify`` and ``drift_check``."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.core.errors.plans import AlreadyAtRevision, SchemaDrifted
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.remedy.statements import Remedy
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.delta_rendering import render_markdown, summarize_delta
from wish_rollout.defs import run_config
from wish_rollout.defs.asset_keys import schema_key
from wish_rollout.defs.checks import check_evaluations
from wish_rollout.defs.gate.gate import ApprovalGate
from wish_rollout.defs.metadata import verification_metadata
from wish_rollout.defs.op_jobs import OpJob
from wish_rollout.defs.resources import target_of
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.defs.runs.notifications import failure_hook, notify, notify_of_change
from wish_rollout.defs.runs.run_tags import clear_copied_tags
from wish_rollout.rollout.execution.rollback import rollback_environment
from wish_rollout.rollout.execution.verification import Verification, verify_environment
from wish_rollout.rollout.inspection.drift import remedy_for_environment
from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus, read_environment_statuses
from wish_rollout.rollout.planning.rollback_plan import plan_feasible_rollback

ROLLBACK = OpJob(
    "rollback",
    "rollback_environment",
    "Downgrades one environment to an earlier revision and verifies it. Refuses to lose rows.",
    run_config.ROLLBACK,
)
VERIFY = OpJob(
    "verify",
    "verify_environment",
    "Verifies that one environment has the schema of its revision, and materializes its asset.",
    run_config.ENVIRONMENT,
)
DRIFT_CHECK = OpJob(
    "drift_check",
    "check_drift",
    "Compares environments with the schema of their revision. Fails if one of them differs.",
    run_config.DRIFT,
)


def rollback_job(config: Config) -> dg.JobDefinition:
    """Return the job that downgrades one environment."""
    return ROLLBACK.define(config, rollback, {failure_hook(config)})


def verify_job(config: Config) -> dg.JobDefinition:
    """Return the job that verifies one environment."""
    return VERIFY.define(config, verify)


def drift_job(config: Config) -> dg.JobDefinition:
    """Return the job that checks environments for drift."""
    names = tuple(env.name for env in config.environments)

    def check(context: dg.OpExecutionContext) -> None:
        check_drift(context, context.op_config["environments"] or names)

    return DRIFT_CHECK.define(config, check)


def rollback(context: dg.OpExecutionContext) -> Iterator[Any]:
    """Downgrade one environment, verify it, and materialize ``schema/<env>``."""
    clear_copied_tags(context.instance, context.run)
    project = context.resources.project.project
    name, to = context.op_config["environment"], context.op_config["to"]
    with rollout_errors_as_failures():
        project.config.find_environment(name)
        target = target_of(context, name)
        gate = ApprovalGate(context, project, target)
        if not may_roll_back(context, gate, to):
            yield dg.Output(None)
            return
        migrated = rollback_environment(project, target, to, actor=gate.actor)
        verification = verify_environment(project, target, expected=migrated.expected)
    yield from check_evaluations(verification)
    with rollout_errors_as_failures():
        verification.raise_if_failed()
    yield materialization(verification, migrated.as_dict())
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
    project, name = context.resources.project.project, context.op_config["environment"]
    with rollout_errors_as_failures():
        project.config.find_environment(name)
        verification = verify_environment(project, target_of(context, name))
    yield from check_evaluations(verification)
    with rollout_errors_as_failures():
        verification.raise_if_failed()
    yield materialization(verification)
    yield dg.Output(None)


def materialization(
    verification: Verification, migrated: dict[str, Any] | None = None
) -> dg.AssetMaterialization:
    """Return the event that materializes ``schema/<env>`` in a job without assets."""
    return dg.AssetMaterialization(
        schema_key(verification.environment),
        metadata=verification_metadata(verification, migrated),
        tags={"dagster/data_version": verification.seen.snapshot.fingerprint},
    )


def check_drift(context: dg.OpExecutionContext, names: Sequence[str]) -> None:
    """Record an observation of each environment; raise SchemaDrifted as a Failure if one has not its schema."""
    project = context.resources.project.project
    with rollout_errors_as_failures():
        for name in names:
            project.config.find_environment(name)
        statuses = read_environment_statuses(project, [target_of(context, name) for name in names])
        for status in statuses:
            has_remedy = status.assessment.drift and status.state and status.verdict is Verdict.DRIFTED
            remedy = remedy_for_environment(project, status) if has_remedy else None
            context.log_event(status_observation(status, remedy))
            context.log.info(f"{status.environment}: {status.verdict} at {status.position} {status.error}")
        drifted = [status for status in statuses if not status.assessment.allows_migration]
        if drifted:
            first = drifted[0]
            notify_of_drift(context, project.config, drifted)
            raise SchemaDrifted(first.environment, first.position, first.error or describe_drift(first))


def notify_of_drift(
    context: dg.OpExecutionContext, config: Config, statuses: Sequence[EnvironmentStatus]
) -> None:
    """Send a notification for each of these environments."""
    for status in statuses:
        title = f"{status.environment}: {status.verdict} at {status.position}"
        reason = status.error or describe_drift(status)
        text = f"{reason}\n\nwish-rollout drift {status.environment} --sql"
        notify(context, config, Notification(Event.DRIFT, status.environment, title, text))


def describe_drift(status: EnvironmentStatus) -> str:
    """Return in one line how an environment differs from its revision."""
    if status.verdict is Verdict.FOREIGN:
        return "its revision is unknown to this release"
    return summarize_delta(status.assessment.drift)


def status_observation(status: EnvironmentStatus, remedy: Remedy | None = None) -> dg.AssetObservation:
    """Return the event that records an environment's verdict, its drift, and the SQL that resolves the drift."""
    drift = status.assessment.drift or Delta(())
    metadata: dict[str, Any] = {
        "verdict": status.verdict.value,
        "revision": status.position,
        "pending": list(status.pending),
        "drift": dg.MetadataValue.md(render_markdown(drift) if drift else "none"),
    }
    if status.assessment.unmanaged:
        metadata["unmanaged"] = list(status.assessment.unmanaged)
    if remedy:
        script = remedy.script().replace("```", "` ` `")
        metadata["remedy"] = dg.MetadataValue.md(f"```sql\n{script}```")
        metadata["remedy covers all"] = remedy.covered
    tags = {}
    if status.state:
        metadata["fingerprint"] = status.state.snapshot.fingerprint
        tags["dagster/data_version"] = status.state.snapshot.fingerprint
    return dg.AssetObservation(schema_key(status.environment), metadata=metadata, tags=tags)
