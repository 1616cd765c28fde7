"""The op of a fleet in the pipeline."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.defs.asset_keys import prefixed
from wish_rollout.defs.fleet import rollout_step
from wish_rollout.defs.resources import files_key, required_resources


def make_fleet_op(config: Config, env: Environment) -> dg.OpDefinition:
    """Return the op that migrates and verifies the targets of a fleet, and materializes ``fleet/<env>``."""
    after = dg.In(dg.Nothing, description="The previous step has succeeded.")
    approvals = dg.In(dg.Nothing, description="The approvals of the fleet.")

    @dg.op(
        name=prefixed(f"roll_out_{env.name}", config.project.name),
        ins={"after": after, **({"approval": approvals} if env.gated else {})},
        out=dg.Out(
            dg.Nothing,
            is_required=not env.gated,
            description="All targets are migrated and verified.",
            io_manager_key=files_key(config),
        ),
        required_resource_keys=required_resources(config),
        description=f"Migrates and verifies the targets of {env.name}, wave after wave, with a pool of processes.",
    )
    def roll_out(context: dg.OpExecutionContext) -> Iterator[Any]:
        yield from rollout_step.roll_out_fleet(context, env)

    return roll_out
