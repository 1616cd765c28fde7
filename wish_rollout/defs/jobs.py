"""The job ``verify``, and what its op has in common with that of the job ``rollback``."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.core.release.release import format_position
from wish_rollout.defs import run_config
from wish_rollout.defs.asset_keys import parent_keys, schema_key
from wish_rollout.defs.checks import check_evaluations
from wish_rollout.defs.drift.preflight_events import preflight_of_schema
from wish_rollout.defs.events.kept_checks import kept_evaluations
from wish_rollout.defs.events.versions import version_tags
from wish_rollout.defs.gate.gate_check import GATE
from wish_rollout.defs.metadata import verification_metadata
from wish_rollout.defs.op_jobs import OpJob
from wish_rollout.defs.resources import project_of, target_of
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.rollout.execution.verification import Verification, verify_environment
from wish_rollout.rollout.project.project import Project


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


def verify(context: dg.OpExecutionContext) -> Iterator[Any]:
    """Verify one environment, and materialize ``schema/<env>``."""
    project, name = project_of(context), context.op_config["environment"]
    with rollout_errors_as_failures():
        project.config.find_environment(name)
        verification = verify_environment(project, target_of(context, name))
    yield from check_evaluations(context, project, verification)
    with rollout_errors_as_failures():
        verification.raise_if_failed()
    event = materialization(context, project, verification)
    yield event
    yield from kept_evaluations(context.instance, event.asset_key, [GATE])
    yield from preflight_of_schema(context.instance, project, name, verification.seen)
    yield dg.Output(None)


def materialization(
    context: dg.OpExecutionContext,
    project: Project,
    verification: Verification,
    migrated: Mapping[str, Any] | None = None,
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
