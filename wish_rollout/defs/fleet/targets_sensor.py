"""The sensor that makes a fleet's partitions those of its list of targets, and reports which came or went."""

from collections.abc import Sequence

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.core.fleet.grouping import shorten_names
from wish_rollout.defs.asset_keys import prefixed, schema_key
from wish_rollout.defs.fleet.backfills import FleetBackfills
from wish_rollout.defs.fleet.partition_list import differing_partitions
from wish_rollout.defs.fleet.partitions import fleet_partitions
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.rollout.servers.fleet_targets import read_list

SECONDS_BETWEEN_TICKS = 300


def targets_sensor(config: Config, env: Environment) -> dg.SensorDefinition:
    """Return the sensor of a fleet's list. It connects to no target."""

    @dg.sensor(
        name=prefixed(f"targets_of_{env.name}", config.project.name),
        asset_selection=dg.AssetSelection.assets(schema_key(env.name, config.project.name)),
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Reads the list of targets of {env.name}, and adds and removes partitions.",
    )
    def sense(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        with rollout_errors_as_failures():
            names = [target.name for target in read_list(config, env)]
            added, removed = differing_partitions(FleetBackfills(context.instance, config, env), names)
        return changes(config, env, added, removed, len(names))

    return sense


def changes(
    config: Config, env: Environment, added: Sequence[str], removed: Sequence[str], count: int
) -> dg.SensorResult:
    """Return the requests that add and remove partitions, and an observation of that. ``count``: of the targets of the list."""
    definition = fleet_partitions(config, env)
    if not added and not removed:
        return dg.SensorResult(skip_reason=f"{env.name} has the same {count} targets")
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    texts = []
    if added:
        requests.append(definition.build_add_request(added))
        texts.append(f"{len(added)} came: {shorten_names(added)}")
    if removed:
        requests.append(definition.build_delete_request(removed))
        texts.append(f"{len(removed)} went: {shorten_names(removed)}")
    key = schema_key(env.name, config.project.name)
    event = dg.AssetObservation(key, description="; ".join(texts), metadata={"targets": count})
    return dg.SensorResult(
        dynamic_partitions_requests=requests, asset_events=[event], skip_reason=event.description
    )
