"""Results of checks that still hold when an asset is materialized again.

Dagster shows a check as not evaluated if its result is older than the asset's latest materialization.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FINGERPRINT = "fingerprint"
"""Metadata of a result about a schema: its fingerprint."""
NO_REQUIREMENT: Mapping[str, str] = MappingProxyType({})
RESULTS_SEARCHED = 20
"""How many of the last results of a check are searched."""
EVALUATED = "evaluated"
"""Metadata of a result that is recorded again: the time of the evaluation."""


def kept_evaluations(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    names: Iterable[str],
    required: Mapping[str, str] = NO_REQUIREMENT,
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield again the latest result of each check of ``names``, with the time of its evaluation.

    ``required``: yield only results whose metadata have these values, for example the fingerprint of a schema.
    """
    for name in names:
        found = _newest_result(instance, dg.AssetCheckKey(key, name), required)
        if found:
            created, evaluation = found
            yield dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=name,
                passed=evaluation.passed,
                severity=evaluation.severity,
                description=evaluation.description,
                metadata={EVALUATED: dg.MetadataValue.timestamp(created), **evaluation.metadata},
            )


def _newest_result(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, required: Mapping[str, str]
) -> tuple[float, dg.AssetCheckEvaluation] | None:
    """Return the time and the newest of the last results that has the required metadata."""
    for record in instance.event_log_storage.get_asset_check_execution_history(key, limit=RESULTS_SEARCHED):
        event = record.event.dagster_event if record.event else None
        if event is None or event.event_type_value != "ASSET_CHECK_EVALUATION":
            continue
        evaluation = event.asset_check_evaluation_data
        seen = {name: value.value for name, value in evaluation.metadata.items()}
        if all(seen.get(name) == value for name, value in required.items()):
            return record.create_timestamp, evaluation
    return None
