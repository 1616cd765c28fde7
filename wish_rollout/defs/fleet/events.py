"""Events of a fleet: the schema of each target, and the summary of a rollout."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.data_version import CODE_VERSION_TAG, DATA_VERSION_TAG

from wish_rollout.core.errors.fleets.rollouts import FleetIncomplete
from wish_rollout.core.fleet.failures import group_failures
from wish_rollout.core.fleet.grouping import shorten_names
from wish_rollout.core.fleet.results import ALL_TARGETS, NOT_BEGUN_TEXT, Outcome, TargetError, TargetResult
from wish_rollout.core.plan.action import Action
from wish_rollout.core.release.release import format_position
from wish_rollout.core.text.redaction import escape_to_one_line
from wish_rollout.defs.asset_keys import fleet_key, schema_key
from wish_rollout.defs.events.limits import limited_names
from wish_rollout.defs.events.versions import version_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wish_rollout.config import Environment
    from wish_rollout.rollout.project.project import Project

ALL_TARGETS_DESCRIPTION = "Every target of the list is at the head of the release, with exactly its schema."
TARGETS, BEGIN, END = "targets", "from", "to"
FAILED_SHOWN = 50


def target_tags(instance: dg.DagsterInstance, parents: Sequence[dg.AssetKey]) -> dict[str, str]:
    """Return the version tags of the targets' materializations, without the versions of the target itself."""
    return version_tags(instance, parents, code_version="", data_version="")


def target_versions(project: Project, result: TargetResult) -> tuple[str, str]:
    """Return code version and data version of a target: the latter is the fingerprint of its schema.

    The code version is the release's digest only at the head: a target that is behind is shown as unsynced.
    """
    at_head = result.end == format_position(project.release.head)
    return project.release_digest if at_head else result.end, result.fingerprint


def target_event(
    project: Project, env: Environment, result: TargetResult, tags: Mapping[str, str]
) -> dg.AssetMaterialization | dg.AssetObservation:
    """Return the event of a target: a materialization of its partition, or an observation with its error.

    ``tags``: of ``target_tags``.
    """
    key = schema_key(env.name, project.config.project.name)
    metadata: dict[str, Any] = {"wave": result.wave, "attempts": result.attempts}
    if not result.is_good:
        if result.error:
            metadata |= {"error": result.error.name, "what to do": result.error.hint or "wish-rollout status"}
        text = result.error.text if result.error else NOT_BEGUN_TEXT
        return dg.AssetObservation(key, description=text, partition=result.target, metadata=metadata)
    code_version, data_version = target_versions(project, result)
    return dg.AssetMaterialization(
        key,
        partition=result.target,
        description=f"{result.action} {result.start} → {result.end}",
        metadata={
            "revision": result.end,
            "from": result.start,
            "action": str(result.action),
            **metadata,
            "seconds": result.seconds,
            "fingerprint": result.fingerprint,
        },
        tags={**tags, CODE_VERSION_TAG: code_version, DATA_VERSION_TAG: data_version},
    )


def result_of_event(event: dg.AssetMaterialization | dg.AssetObservation) -> TargetResult:
    """Return the result of a target that ``target_event`` has recorded. If it was changed, this counts as now."""
    values = {name: value.value for name, value in event.metadata.items()}
    common: dict[str, Any] = {
        "target": str(event.partition),
        "wave": str(values.get("wave", "")),
        "attempts": int(str(values.get("attempts", 1))),
    }
    if isinstance(event, dg.AssetObservation):
        if "error" not in values:
            return TargetResult(outcome=Outcome.NOT_BEGUN, **common)
        error = TargetError(str(values["error"]), event.description or "", str(values.get("what to do", "")))
        return TargetResult(outcome=Outcome.FAILED, error=error, **common)
    is_changed = values.get("action") != Action.NOTHING
    return TargetResult(
        outcome=Outcome.DONE if is_changed else Outcome.UNCHANGED,
        start=str(values.get("from", "")),
        end=str(values.get("revision", "")),
        action=str(values.get("action", "")),
        fingerprint=str(values.get("fingerprint", "")),
        seconds=float(str(values.get("seconds", 0))),
        since=0 if is_changed else None,
        **common,
    )


def summary_metadata(results: Sequence[TargetResult]) -> dict[str, Any]:
    """Return the metadata of a rollout to a fleet: numbers of targets, and those that failed, with their errors."""
    counts = Counter(result.outcome.value for result in results)
    fingerprints = Counter(result.fingerprint for result in results if result.is_good)
    failed = [result for result in results if result.outcome is Outcome.FAILED]
    starts = Counter(result.start for result in results if result.outcome is Outcome.DONE)
    ends = Counter(result.end for result in results if result.is_good)
    metadata: dict[str, Any] = {
        TARGETS: len(results),
        **{outcome.value: counts[outcome.value] for outcome in Outcome},
        BEGIN: ", ".join(starts) or ", ".join(ends),
        END: ", ".join(ends),
        "seconds in targets": round(sum(result.seconds for result in results), 3),
        "different schemas": len(fingerprints),
        "fingerprint": fingerprints.most_common(1)[0][0] if fingerprints else "",
    }
    if failed:
        lines = [
            f"{each.target}: {escape_to_one_line(each.error.text)}"
            for each in failed[:FAILED_SHOWN]
            if each.error
        ]
        metadata["failed targets"] = limited_names(lines)
    return metadata


def all_targets_evaluation(
    project: Project, env: Environment, results: Sequence[TargetResult], seconds: float
) -> dg.AssetCheckEvaluation:
    """Return the check that every target is migrated and verified."""
    bad = [result for result in results if not result.is_good]
    names = shorten_names([result.target for result in bad])
    text = f"{len(bad)} of {len(results)} targets are not done: {names}" if bad else f"all {len(results)} are"
    return dg.AssetCheckEvaluation(
        asset_key=fleet_key(env.name, project.config.project.name),
        check_name=ALL_TARGETS,
        passed=not bad,
        description=text,
        metadata={**summary_metadata(results), "seconds": round(seconds, 3)},
    )


def summary_of_change(results: Sequence[TargetResult]) -> dict[str, Any]:
    """Return of a rollout what ``notify_of_change`` takes of a migration."""
    changed = [result for result in results if result.outcome is Outcome.DONE]
    return {
        "action": changed[0].action if changed else Action.NOTHING,
        "start": sorted({result.start for result in changed}),
        "end": sorted({result.end for result in results if result.is_good}),
        "expected": fleet_fingerprint(results),
    }


def refuse_incomplete(env: Environment, results: Sequence[TargetResult]) -> None:
    """Raise FleetIncomplete unless all targets are done."""
    failed = [result for result in results if result.outcome is Outcome.FAILED]
    waiting = sum(result.outcome is Outcome.NOT_BEGUN for result in results)
    if not failed and not waiting:
        return
    error = failed[0].error if failed else None
    stopped = "none, because the approval was rejected, or the rollout of this run has ended."
    first = f"{failed[0].target}: {error.text}" if error else stopped
    groups = tuple(group.as_dict() for group in group_failures(results))
    raise FleetIncomplete(env.name, len(results), len(failed), waiting, first, groups)


def fleet_fingerprint(results: Sequence[TargetResult]) -> str:
    """Return the data version of a fleet: a digest of the fingerprints of all targets."""
    from wish_rollout.core.plan.canonical_digest import canonical_digest

    return canonical_digest({result.target: result.fingerprint for result in results})
