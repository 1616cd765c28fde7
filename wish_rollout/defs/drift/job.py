"""The job ``drift_check``, and the notifications of the beginning and the end of drift."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.core.errors.planning.plans import SchemaDrifted
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.plan.verification_checks import OTHER_CHECKS, SCHEMA_CHECKS
from wish_rollout.defs import run_config
from wish_rollout.defs.asset_keys import parent_keys, schema_key
from wish_rollout.defs.drift.events import (
    describe_drift,
    finding_of,
    finding_of_status,
    no_drift_failed,
    no_drift_passed,
    read_recorded_finding,
    status_evaluation,
    status_event,
)
from wish_rollout.defs.drift.preflight_events import preflight_of_status
from wish_rollout.defs.events.kept_checks import FINGERPRINT, kept_evaluations
from wish_rollout.defs.gate.gate_check import GATE
from wish_rollout.defs.op_jobs import OpJob
from wish_rollout.defs.resources import project_of, target_of
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.defs.runs.notifications import notify
from wish_rollout.rollout.execution.verification import Verification
from wish_rollout.rollout.inspection.drift_remedies import remedy_for_environment
from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus, read_environment_status
from wish_rollout.rollout.project.project import Project


def drift_job(config: Config) -> dg.JobDefinition:
    """Return the job that checks environments for drift."""
    names = tuple(env.name for env in config.single_environments)
    job = OpJob(
        "drift_check",
        "check_drift",
        "Compares environments with the schema of their revision. Fails if one of them differs.",
        run_config.drift(config),
        {"environments": []},
    )

    def check(context: dg.OpExecutionContext) -> Iterator[Any]:
        yield from check_drift(context, context.op_config["environments"] or names)
        yield dg.Output(None)

    return job.define(config, check)


def check_drift(context: dg.OpExecutionContext, names: Sequence[str]) -> Iterator[Any]:
    """Yield the events of the state of each environment; raise SchemaDrifted as a Failure if one has not its schema."""
    project = project_of(context)
    with rollout_errors_as_failures():
        for name in names:
            project.config.find_environment(name)
        statuses = [read_environment_status(project, target_of(context, name)) for name in names]
        for status in statuses:
            yield from record_status(context, project, status)
        drifted = [status for status in statuses if not status.assessment.allows_migration]
        if drifted:
            first = drifted[0]
            raise SchemaDrifted(first.environment, first.position, describe_drift(first))


def record_status(
    context: dg.OpExecutionContext, project: Project, status: EnvironmentStatus
) -> Iterator[Any]:
    """Yield an environment's state and its check ``no_drift``, and notify of a change since the last record."""
    context.log.info(f"{status.environment}: {status.verdict} at {status.position} {status.error}")
    event = status_event(context.instance, project, status, parent_keys(project.config, status.environment))
    yield event
    if isinstance(event, dg.AssetMaterialization) and status.state:
        yield from kept_checks(context.instance, event.asset_key, status.state.snapshot.fingerprint)
        yield from preflight_of_status(context.instance, project, status)
    if not status.state:
        _notify_of_status(context, project, status)
        return
    has_remedy = status.assessment.drift and status.verdict is Verdict.DRIFTED
    remedy = remedy_for_environment(project, status) if has_remedy else None
    recorded = read_recorded_finding(
        context.instance, schema_key(status.environment, project.config.project.name)
    )
    yield status_evaluation(project, status, remedy)
    if status.assessment.allows_migration:
        if recorded:
            notify_of_drift_end(context, project.config, status.environment, status.position)
    elif recorded != finding_of_status(status):
        _notify_of_status(context, project, status)


def kept_checks(
    instance: dg.DagsterInstance, key: dg.AssetKey, fingerprint: str
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield again the results of the verification of exactly this schema, and of the gate, whatever the schema is."""
    yield from kept_evaluations(instance, key, (*SCHEMA_CHECKS, *OTHER_CHECKS), {FINGERPRINT: fingerprint})
    yield from kept_evaluations(instance, key, [GATE])


def _notify_of_status(context: dg.OpExecutionContext, project: Project, status: EnvironmentStatus) -> None:
    event = Event.DRIFT if status.state else Event.UNREACHABLE
    title = f"{status.environment}: {status.verdict} at {status.position}"
    text = f"{describe_drift(status)}\n\nwish-rollout drift {status.environment} --sql"
    notify(context, project.config, Notification(event, status.environment, title, text))


def notify_of_drift_end(context: dg.OpExecutionContext, config: Config, name: str, revision: str) -> None:
    """Notify that an environment has the schema of its revision again."""
    title = f"{name}: no drift any more, at {revision}"
    text = f"The schema of {name} is exactly the one of {revision} again."
    notify(context, config, Notification(Event.DRIFT_ENDED, name, title, text))


def no_drift_of_verification(
    context: dg.OpExecutionContext, config: Config, verification: Verification, revision: str
) -> dg.AssetCheckEvaluation:
    """Return the evaluation of ``no_drift`` that a verification implies; notify if it ends drift that was recorded."""
    name, fingerprint = verification.environment, verification.seen.snapshot.fingerprint
    key = schema_key(name, config.project.name)
    if verification.drift:
        finding = finding_of(Verdict.DRIFTED, revision, fingerprint)
        summary = next((each.detail for each in verification.checks if not each.passed), "the schema differs")
        return no_drift_failed(key, finding, summary, verification.drift)
    if read_recorded_finding(context.instance, key):
        notify_of_drift_end(context, config, name, revision)
    return no_drift_passed(key, revision, fingerprint)


def drift_run_config(names: Sequence[str], project: str = "") -> dict[str, Any]:
    """Return the run configuration of ``drift_check`` for some environments."""
    op = f"{project}_check_drift" if project else "check_drift"
    return {"ops": {op: {"config": {"environments": list(names)}}}}
