"""Version tags of materializations that no pipeline run writes.

Dagster compares the code version and the versions of the inputs of an asset's latest materialization with the current
ones, and shows the asset as unsynced if they differ. It writes these tags only for the outputs of an asset's own op.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    DEFAULT_DATA_VERSION,
    NULL_EVENT_POINTER,
    extract_data_version_from_entry,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def version_tags(
    instance: dg.DagsterInstance, parents: Sequence[dg.AssetKey], *, code_version: str, data_version: str
) -> dict[str, str]:
    """Return the tags of a materialization, with the current versions of its parents as its inputs."""
    tags = {
        CODE_VERSION_TAG: code_version,
        DATA_VERSION_TAG: data_version,
        DATA_VERSION_IS_USER_PROVIDED_TAG: "true",
    }
    for key in parents:
        record = instance.get_latest_data_version_record(key)
        version = extract_data_version_from_entry(record.event_log_entry) if record else None
        tags[get_input_data_version_tag(key)] = (version or DEFAULT_DATA_VERSION).value
        tags[get_input_event_pointer_tag(key)] = str(record.storage_id) if record else NULL_EVENT_POINTER
    return tags


def read_recorded_versions(instance: dg.DagsterInstance, key: dg.AssetKey) -> tuple[str, str] | None:
    """Return code version and data version of an asset's latest materialization, or None if there is none."""
    event = instance.get_latest_materialization_event(key)
    materialization = event.asset_materialization if event else None
    if materialization is None:
        return None
    tags = materialization.tags or {}
    return tags.get(CODE_VERSION_TAG, ""), tags.get(DATA_VERSION_TAG, "")
