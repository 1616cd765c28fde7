"""Results of checks that still hold when an asset is materialized again.

Dagster shows a check as not evaluated if its result is older than the asset's latest materialization.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EVALUATED = "evaluated"
"""Metadata of a result that is recorded again: the time of the evaluation."""


def kept_evaluations(
    instance: dg.DagsterInstance, key: dg.AssetKey, names: Iterable[str], fingerprint: str | None = None
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield again the latest result of each check of ``names``, with the time of its evaluation.

    ``fingerprint``: yield only results about the schema with this fingerprint.
    """
    for name in names:
        record = instance.get_latest_asset_check_evaluation_record(dg.AssetCheckKey(key, name))
        event = record.event.dagster_event if record and record.event else None
        if record is None or event is None or event.event_type_value != "ASSET_CHECK_EVALUATION":
            continue
        found = event.asset_check_evaluation_data
        seen = found.metadata.get("fingerprint")
        if fingerprint is None or (seen is not None and seen.value == fingerprint):
            yield dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=name,
                passed=found.passed,
                severity=found.severity,
                description=found.description,
                metadata={EVALUATED: dg.MetadataValue.timestamp(record.create_timestamp), **found.metadata},
            )
