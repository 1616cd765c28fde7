"""The Dagster definitions of one configuration."""

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.defs.approval_jobs import approval_jobs
from wish_rollout.defs.asset_keys import approval_key
from wish_rollout.defs.assets import make_pipeline
from wish_rollout.defs.checks import checks_for
from wish_rollout.defs.jobs import drift_job, rollback_job, verify_job
from wish_rollout.defs.resources import resources_for
from wish_rollout.defs.sensors import sensors_for


def build_definitions(config: Config) -> dg.Definitions:
    """Return assets, checks, jobs, sensors and resources for the enabled environments."""
    pipeline = make_pipeline(config)
    approvals = [
        dg.AssetSpec(
            approval_key(env.name),
            group_name="rollout",
            description=f"The approvals of {env.name}. Each materialization is one signed approval of one plan.",
        )
        for env in config.environments
        if env.gated
    ]
    rollout = dg.define_asset_job(
        "rollout",
        selection=dg.AssetSelection.assets(*pipeline.keys).without_checks(),
        description="Plans the release, then migrates and verifies each environment. Stops at a gate without approval.",
    )
    rollback = rollback_job(config)
    return dg.Definitions(
        assets=[pipeline, *approvals],
        asset_checks=[checks_for(env) for env in config.environments],
        jobs=[rollout, rollback, verify_job(config), drift_job(config), *approval_jobs(config)],
        sensors=sensors_for(config, [rollout, rollback]),
        resources={
            **resources_for(config),
            "io_manager": step_io_manager(config),
        },
        executor=dg.in_process_executor,
    )


def step_io_manager(config: Config) -> dg.IOManagerDefinition:
    """Return the I/O manager that stores step outputs in the project's folder, for multiprocess executors.

    It has no configuration, so a run cannot select another folder: the files are unpickled, and a pickle file can
    execute code.
    """

    @dg.io_manager(
        config_schema={}, description="Stores the outputs of steps in the folder .dagster of the project."
    )
    def files(context: dg.InitResourceContext) -> dg.IOManager:
        folder = str(config.root / ".dagster")
        return dg.FilesystemIOManager(base_dir=folder).create_io_manager(context)

    return files
