"""The jobs beside the road: rollback, verify, drift_check."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.core.errors.plans import AlreadyAtRevision, SchemaDrifted
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.remedy.statements import Remedy
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.delta_rendering import brief, markdown
from wish_rollout.defs import run_config
from wish_rollout.defs.checks import check_evaluations
from wish_rollout.defs.gate.gate import ApprovalGate
from wish_rollout.defs.metadata import verification_metadata
from wish_rollout.defs.resources import database_key, target_of
from wish_rollout.defs.runs.failures import told
from wish_rollout.defs.runs.notifications import failure_hook, tell, notify_of_change
from wish_rollout.defs.runs.run_tags import clear_copied_tags
from wish_rollout.rollout.execution.rollback import rollback_environment
from wish_rollout.rollout.execution.verification import Verification, verify_environment
from wish_rollout.rollout.inspection.drift import remedy_for_environment
from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus, read_environment_statuses
from wish_rollout.rollout.planning.rollback_plan import plan_feasible_rollback


def resource_keys(config: Config) -> set[str]:
    """Name what the ops of these jobs may need."""
    return {"project", "choices", *(database_key(env.name) for env in config.environments)}


def jobs_for(config: Config) -> list[dg.JobDefinition]:
    """Make the jobs that look and go back for the environments of the configuration."""
    keys = resource_keys(config)
    return [
        rollback_job(config, keys),
        verify_job(keys),
        drift_job(config, keys),
    ]


def materialization(
    verification: Verification, migrated: dict[str, Any] | None = None
) -> dg.AssetMaterialization:
    """Make the event that materializes ``schema/<env>`` from outside of the road."""
    fingerprint = verification.seen.snapshot.fingerprint
    return dg.AssetMaterialization(
        dg.AssetKey(["schema", verification.environment]),
        metadata=verification_metadata(verification, migrated),
        tags={"dagster/data_version": fingerprint},
    )


def rollback_job(config: Config, keys: set[str]) -> dg.JobDefinition:
    """Downgrade one environment, prove it, and materialize it anew."""

    @dg.op(
        name="rollback_environment",
        config_schema=run_config.ROLLBACK,
        required_resource_keys=keys,
        out=dg.Out(dg.Nothing),
    )
    def rollback(context: dg.OpExecutionContext) -> Iterator[Any]:
        clear_copied_tags(context.instance, context.run)
        project = context.resources.project.project
        name, to = context.op_config["environment"], context.op_config["to"]
        with told():
            project.config.declared(name)
            target = target_of(context, name)
            keeper = ApprovalGate(context, project, target)
            if not may_roll_back(context, keeper, to):
                yield dg.Output(None)
                return
            migrated = rollback_environment(project, target, to, actor=keeper.actor)
            verification = verify_environment(project, target, expected=migrated.expected)
        yield from check_evaluations(verification)
        with told():
            verification.raise_if_failed()
        promised = project.history.promised(tuple(migrated.start), tuple(migrated.end))
        done = {**migrated.as_dict(), "delta": markdown(promised)}
        yield materialization(verification, done)
        notify_of_change(context, target.environment, migrated.as_dict())
        yield dg.Output(None)

    hooks = {failure_hook(config)}

    @dg.job(
        name="rollback", description="Takes one environment back by a revision, losing no row.", hooks=hooks
    )
    def job() -> None:
        rollback()

    return job


def may_roll_back(context: dg.OpExecutionContext, keeper: ApprovalGate, to: str | None) -> bool:
    """Whether a rollback goes on: not where the database is there already, or its gate waits. Raises why it cannot."""
    try:
        plan = plan_feasible_rollback(keeper.project, keeper.target, to)
    except AlreadyAtRevision as done:
        context.log.info(str(done))
        return False
    return not keeper.target.environment.gated or keeper.open(plan)


def verify_job(keys: set[str]) -> dg.JobDefinition:
    """Verify one environment as it is, and materialize it."""

    @dg.op(
        name="verify_environment",
        config_schema=run_config.ENVIRONMENT,
        required_resource_keys=keys,
        out=dg.Out(dg.Nothing),
    )
    def verify(context: dg.OpExecutionContext) -> Iterator[Any]:
        project, name = context.resources.project.project, context.op_config["environment"]
        with told():
            project.config.declared(name)
            verification = verify_environment(project, target_of(context, name))
        yield from check_evaluations(verification)
        with told():
            verification.raise_if_failed()
        yield materialization(verification)
        yield dg.Output(None)

    @dg.job(name="verify", description="Verifies one environment against what its revision promises.")
    def job() -> None:
        verify()

    return job


def drift_job(config: Config, keys: set[str]) -> dg.JobDefinition:
    """Judge environments, observe their assets, and fail where one is not what history promises."""
    known = tuple(env.name for env in config.environments)

    @dg.op(
        name="check_drift",
        config_schema=run_config.DRIFT,
        required_resource_keys=keys,
        out=dg.Out(dg.Nothing),
    )
    def drift_check(context: dg.OpExecutionContext) -> None:
        project = context.resources.project.project
        with told():
            names = context.op_config["environments"] or list(known)
            for name in names:
                project.config.declared(name)
            statuses = read_environment_statuses(project, [target_of(context, name) for name in names])
            for one in statuses:
                remedied = one.assessment.drift and one.seen and one.verdict is Verdict.DRIFTED
                context.log_event(observation(one, remedy_for_environment(project, one) if remedied else None))
                context.log.info(f"{one.environment}: {one.verdict} at {one.position} {one.error}")
            strayed = [one for one in statuses if not one.assessment.allows_migration]
            if strayed:
                first = strayed[0]
                tell_of_drift(context, project.config, strayed)
                raise SchemaDrifted(first.environment, first.position, first.error or explain(first))

    @dg.job(name="drift_check", description="Compares environments with what history promises for them.")
    def job() -> None:
        drift_check()

    return job


def tell_of_drift(context: dg.OpExecutionContext, config: Config, strayed: list[EnvironmentStatus]) -> None:
    """Tell people of each environment that is not what history promises."""
    for one in strayed:
        title = f"{one.environment}: {one.verdict} at {one.position}"
        text = f"{one.error or explain(one)}\n\nwish-rollout drift {one.environment} --sql"
        tell(context, config, Notification(Event.DRIFT, one.environment, title, text))


def explain(one: EnvironmentStatus) -> str:
    """Say in a line why an environment is not in step."""
    if one.verdict is Verdict.FOREIGN:
        return "its revision is unknown to this release"
    return brief(one.assessment.drift)


def observation(one: EnvironmentStatus, remedy: Remedy | None = None) -> dg.AssetObservation:
    """Make the event that tells what a look at an environment found, and the SQL that takes it back."""
    drift = one.assessment.drift or Delta(())
    metadata: dict[str, Any] = {
        "verdict": one.verdict.value,
        "revision": one.position,
        "pending": list(one.pending),
        "drift": dg.MetadataValue.md(markdown(drift) if drift else "none"),
    }
    if one.assessment.unmanaged:
        metadata["unmanaged"] = list(one.assessment.unmanaged)
    if remedy:
        script = remedy.script().replace("```", "` ` `")
        metadata["remedy"] = dg.MetadataValue.md(f"```sql\n{script}```")
        metadata["remedy covers all"] = remedy.covered
    tags = {}
    if one.seen:
        metadata["fingerprint"] = one.seen.snapshot.fingerprint
        tags["dagster/data_version"] = one.seen.snapshot.fingerprint
    return dg.AssetObservation(dg.AssetKey(["schema", one.environment]), metadata=metadata, tags=tags)
