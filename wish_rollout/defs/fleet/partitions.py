"""The partitions of a fleet: each target is one of ``schema/<env>``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.data_version import CODE_VERSION_TAG, DATA_VERSION_TAG

from wish_rollout.defs.asset_keys import prefixed, schema_key

if TYPE_CHECKING:
    from wish_rollout.config import Config, Environment


def partitions_name(config: Config, env: Environment) -> str:
    """Return the name of the set of a fleet's partitions."""
    return prefixed(f"{env.name}_targets", config.project.name)


def fleet_partitions(config: Config, env: Environment) -> dg.DynamicPartitionsDefinition:
    """Return the definition of a fleet's partitions."""
    return dg.DynamicPartitionsDefinition(name=partitions_name(config, env))


def recorded_versions(
    instance: dg.DagsterInstance, config: Config, env: Environment, target: str
) -> tuple[str, str] | None:
    """Return code version and data version of a target's latest materialization, or None if there is none."""
    key = schema_key(env.name, config.project.name)
    found = instance.fetch_materializations(dg.AssetRecordsFilter(key, asset_partitions=[target]), limit=1)
    for record in found.records:
        tags = (record.asset_materialization and record.asset_materialization.tags) or {}
        return tags.get(CODE_VERSION_TAG, ""), tags.get(DATA_VERSION_TAG, "")
    return None
