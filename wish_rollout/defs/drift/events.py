"""Events of a schema's state: the check ``no_drift``, observations, and materializations of a changed state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.schema.delta_rendering import render_markdown, summarize_delta
from wish_rollout.defs.asset_keys import schema_key
from wish_rollout.defs.events.limits import limited_names, markdown, sql_markdown
from wish_rollout.defs.events.schema import snapshot_metadata
from wish_rollout.defs.events.versions import read_recorded_versions, version_tags

if TYPE_CHECKING:
    from wish_rollout.core.remedy.statements import Remedy
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus
    from wish_rollout.rollout.project.project import Project

NO_DRIFT = "no_drift"
NO_DRIFT_DESCRIPTION = "The schema is exactly the one that the environment's revision defines."
FINDING = "finding"
"""Metadata of a failed ``no_drift``: verdict, revision and fingerprint, which identify what was found."""


def describe_drift(status: EnvironmentStatus) -> str:
    """Return in one line how an environment differs from its revision."""
    if status.verdict is Verdict.FOREIGN:
        return "its revision is not a position of this release"
    return status.error or summarize_delta(status.assessment.drift)


def finding_of(verdict: Verdict, position: str, fingerprint: str) -> str:
    """Return the identity of what was found. ``position``: the revision as text. ``fingerprint``: of the schema."""
    return f"{verdict} {position} {fingerprint}"


def finding_of_status(status: EnvironmentStatus) -> str:
    """Return the identity of what was found in an environment; "" for the fingerprint of a schema that was not read."""
    fingerprint = status.state.snapshot.fingerprint if status.state else ""
    return finding_of(status.verdict, status.position, fingerprint)


def read_recorded_finding(instance: dg.DagsterInstance, key: dg.AssetKey) -> str | None:
    """Return the finding of the latest evaluation of ``no_drift``: "" if it passed, None if there is none."""
    record = instance.get_latest_asset_check_evaluation_record(dg.AssetCheckKey(key, NO_DRIFT))
    event = record.event.dagster_event if record and record.event else None
    if event is None or event.event_type_value != "ASSET_CHECK_EVALUATION":
        return None
    evaluation = event.asset_check_evaluation_data
    finding = evaluation.metadata.get(FINDING)
    return "" if evaluation.passed else str(finding.value if finding else "unknown")


def no_drift_passed(key: dg.AssetKey, revision: str, fingerprint: str) -> dg.AssetCheckEvaluation:
    """Return the event of a passed ``no_drift``."""
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=NO_DRIFT,
        passed=True,
        description=f"the schema is exactly the one of {revision}",
        metadata={"revision": revision, "fingerprint": fingerprint},
    )


def no_drift_failed(
    key: dg.AssetKey, finding: str, summary: str, delta: Delta, remedy: Remedy | None = None
) -> dg.AssetCheckEvaluation:
    """Return the event of a failed ``no_drift``, with the delta and both remedies. ``key``: of ``schema/<env>``."""
    environment = key.path[-1]
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=NO_DRIFT,
        passed=False,
        severity=dg.AssetCheckSeverity.ERROR,
        description=summary,
        metadata={
            FINDING: finding,
            "difference": markdown(render_markdown(delta)) if delta else summary,
            "to undo the change": remedy_markdown(environment, remedy),
            "to keep the change": dg.MetadataValue.md(
                f"Take it into the history: `wish-rollout generate --adopt {environment} -m '…'`, "
                f"then `wish-rollout apply --adopt {environment}`."
            ),
        },
    )


def remedy_markdown(environment: str, remedy: Remedy | None) -> dg.MarkdownMetadataValue:
    """Return the command and the SQL that take the database back to the schema of its revision."""
    command = f"`wish-rollout drift {environment} --sql` writes the SQL."
    if remedy is None:
        return dg.MetadataValue.md(command)
    rest = "" if remedy.covered else "\n\nThe SQL does not resolve every difference."
    return dg.MetadataValue.md(f"{command}{rest}\n\n{sql_markdown(remedy.script())}")


def status_evaluation(
    project: Project, status: EnvironmentStatus, remedy: Remedy | None
) -> dg.AssetCheckEvaluation:
    """Return the evaluation of ``no_drift`` for an environment whose state was read."""
    key = schema_key(status.environment, project.config.project.name)
    if status.assessment.allows_migration and status.state:
        return no_drift_passed(key, status.position, status.state.snapshot.fingerprint)
    finding, summary = finding_of_status(status), describe_drift(status)
    return no_drift_failed(key, finding, summary, status.assessment.drift, remedy)


def status_event(
    instance: dg.DagsterInstance, project: Project, status: EnvironmentStatus, parents: list[dg.AssetKey]
) -> dg.AssetObservation | dg.AssetMaterialization:
    """Return the event that records an environment's verdict and schema.

    It is a materialization if the schema, or its relation to the release, differs from the last recorded one:
    then Dagster shows the asset as unsynced, or as synced again. Otherwise it is an observation.
    """
    key = schema_key(status.environment, project.config.project.name)
    if status.state is None:
        description = f"{status.verdict}: {status.error}"
        return dg.AssetObservation(key, description=description, metadata=status_metadata(status))
    fingerprint = status.state.snapshot.fingerprint
    recorded = read_recorded_versions(instance, key)
    if recorded in (None, (status_code_version(project, status), fingerprint)):
        return dg.AssetObservation(
            key,
            description=_describe_status(status),
            metadata=status_metadata(status),
            tags={"dagster/data_version": fingerprint},
        )
    return materialized_status(instance, project, status, parents)


def materialized_status(
    instance: dg.DagsterInstance, project: Project, status: EnvironmentStatus, parents: list[dg.AssetKey]
) -> dg.AssetMaterialization:
    """Return the materialization of an environment's schema as it is, whether the release has reached it or not."""
    assert status.state is not None
    snapshot = status.state.snapshot
    return dg.AssetMaterialization(
        schema_key(status.environment, project.config.project.name),
        description=_describe_status(status),
        metadata={
            **snapshot_metadata(snapshot, see=f"wish-rollout snapshot {status.environment}"),
            **status_metadata(status),
        },
        tags=version_tags(
            instance,
            parents,
            code_version=status_code_version(project, status),
            data_version=snapshot.fingerprint,
        ),
    )


def _describe_status(status: EnvironmentStatus) -> str:
    return f"{status.verdict} at {status.position}"


def status_metadata(status: EnvironmentStatus) -> dict[str, Any]:
    """Return the metadata of an environment's state."""
    metadata: dict[str, Any] = {
        "verdict": status.verdict.value,
        "revision": status.position,
        "pending": list(status.pending),
    }
    if status.assessment.drift:
        metadata["drift"] = markdown(render_markdown(status.assessment.drift))
    if status.assessment.unmanaged:
        metadata["unmanaged"] = limited_names(status.assessment.unmanaged)
    if status.state:
        metadata["fingerprint"] = status.state.snapshot.fingerprint
    return metadata


def status_code_version(project: Project, status: EnvironmentStatus) -> str:
    """Return the code version of a schema: the release's digest only if it is the schema of the release."""
    if status.verdict is Verdict.IN_STEP:
        return project.release_digest
    return status.position if status.verdict is Verdict.BEHIND else f"{status.position}, {status.verdict}"
