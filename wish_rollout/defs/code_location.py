"""The Dagster definitions of one configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.defs.approval_jobs import approval_jobs
from wish_rollout.defs.asset_keys import approval_key, prefixed
from wish_rollout.defs.assets import APPROVAL_KINDS, make_pipeline
from wish_rollout.defs.checks import checks_for
from wish_rollout.defs.drift.job import drift_job
from wish_rollout.defs.drift.sensor import drift_sensor
from wish_rollout.defs.fleet.assets import fleet_checks, target_schemas
from wish_rollout.defs.fleet.drift_sensor import fleet_drift_sensor
from wish_rollout.defs.fleet.rollback_job import fleet_rollback_job
from wish_rollout.defs.fleet.targets_sensor import targets_sensor
from wish_rollout.defs.jobs import verify_job
from wish_rollout.defs.resources import files_resource, resources_for
from wish_rollout.defs.resume.sensor import resume_sensor
from wish_rollout.defs.rollback_job import rollback_job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.config import Config

DEFAULT_IO_MANAGER = "io_manager"


def build_definitions(config: Config) -> dg.Definitions:
    """Return the definitions of a code location that contains only this project.

    Dagster's own I/O manager would take a folder from a run's configuration, and read pickle files from it.
    """
    own = {} if config.project.name else {DEFAULT_IO_MANAGER: files_resource(config)}
    alone = dg.Definitions(resources=own, executor=dg.in_process_executor)
    return dg.Definitions.merge(mergeable_definitions(config), alone)


def mergeable_definitions(config: Config) -> dg.Definitions:
    """Return assets, checks, jobs, sensors and resources for the enabled environments.

    They do not set what all assets of a code location share: the default executor and I/O manager.
    """
    pipeline = make_pipeline(config)
    project = config.project.name
    approvals = [
        dg.AssetSpec(
            approval_key(env.name, project),
            group_name=prefixed("rollout", project),
            description=f"The approvals of {env.name}. Each materialization is one signed approval of one plan.",
            tags=APPROVAL_KINDS,
            owners=config.dagster.owners,
        )
        for env in config.environments
        if env.gated
    ]
    rollout = dg.define_asset_job(
        prefixed("rollout", project),
        selection=dg.AssetSelection.assets(*pipeline.keys).without_checks(),
        description="Plans the release, then migrates and verifies each environment. Stops at a gate without approval.",
        executor_def=dg.in_process_executor,
    )
    rollback = rollback_job(config)
    fleet_rollback = [fleet_rollback_job(config)] if config.fleets else []
    return dg.Definitions(
        assets=[pipeline, *approvals, *(target_schemas(config, env) for env in config.fleets)],
        asset_checks=[
            *(checks_for(config, env) for env in config.single_environments),
            *(fleet_checks(config, env) for env in config.fleets),
        ],
        jobs=[
            rollout,
            rollback,
            verify_job(config),
            drift_job(config),
            *approval_jobs(config),
            *fleet_rollback,
        ],
        sensors=sensors_for(config, [rollout, rollback, *fleet_rollback]),
        resources=resources_for(config),
    )


def sensors_for(config: Config, jobs: Sequence[Any]) -> list[dg.SensorDefinition]:
    """Return all sensors. ``jobs``: the jobs that ``resume_on_approval`` may launch."""
    singles = config.single_environments
    sensors = [
        *([drift_sensor(config, singles)] if singles else []),
        *(make(config, env) for env in config.fleets for make in (targets_sensor, fleet_drift_sensor)),
    ]
    gated = any(env.gated for env in config.environments)
    return [*sensors, resume_sensor(config, jobs)] if gated else sensors
