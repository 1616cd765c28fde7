"""The whole code location, from one configuration."""

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.defs.approval_jobs import approve_job, reject_job
from wish_rollout.defs.assets import approval_key, road
from wish_rollout.defs.checks import checks_for
from wish_rollout.defs.jobs import jobs_for, resource_keys
from wish_rollout.defs.resources import resources_for
from wish_rollout.defs.sensors import sensors_for


def build(config: Config) -> dg.Definitions:
    """Build assets, checks, jobs, sensors and resources for the environments that take part."""
    lineage = road(config)
    approvals = [
        dg.AssetSpec(
            approval_key(env.name),
            group_name="rollout",
            description=f"Each materialization is a person's approval of one plan of {env.name}.",
        )
        for env in config.environments
        if env.gated
    ]
    rollout = dg.define_asset_job(
        "rollout",
        selection=dg.AssetSelection.assets(*lineage.keys).without_checks(),
        description="Takes the release through every environment: plan, migrate, verify, gate.",
    )
    beside = jobs_for(config)
    keys = resource_keys(config)
    answers = [approve_job(keys), reject_job(keys)]
    waiting = [rollout, *(job for job in beside if job.name == "rollback")]
    return dg.Definitions(
        assets=[lineage, *approvals],
        asset_checks=[checks_for(env) for env in config.environments],
        jobs=[rollout, *beside, *answers],
        sensors=sensors_for(config, waiting),
        resources={
            **resources_for(config),
            "io_manager": step_io_manager(config),
        },
        executor=dg.in_process_executor,
    )


def step_io_manager(config: Config) -> dg.IOManagerDefinition:
    """Keep what one step hands to the next, where steps run as processes of their own, in the project's folder.

    A run's configuration cannot name another folder: what lies there is unpickled, and so could be a program.
    """

    @dg.io_manager(config_schema={}, description="What one step hands to the next.")
    def files(context: dg.InitResourceContext) -> dg.IOManager:
        folder = str(config.root / ".dagster")
        return dg.FilesystemIOManager(base_dir=folder).create_io_manager(context)

    return files
