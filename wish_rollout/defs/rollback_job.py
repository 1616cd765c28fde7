"""The job ``rollback``: ``rollback_plan → rollback_gate → archive_and_downgrade → rollback_verify``.

What the downgrades would destroy is archived in the transaction that destroys it, so both are one op.
"""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.defs import rollback_ops, run_config
from wish_rollout.defs.asset_keys import prefixed
from wish_rollout.defs.resources import files_key, required_resources
from wish_rollout.defs.runs.notifications import failure_hook

JOB = "rollback"
PLAN, GATE, DOWNGRADE, VERIFY = (
    "rollback_plan",
    "rollback_gate",
    "archive_and_downgrade",
    "rollback_verify",
)


def rollback_job(config: Config) -> dg.JobDefinition:
    """Return the job that downgrades one environment."""
    project = config.project.name
    files = files_key(config)
    plan = _plan_op(config)
    approved = dg.Out(dict, is_required=False, description="The plan that may run.", io_manager_key=files)
    gate = _op(config, GATE, GATE_TEXT, rollback_ops.open_gate, approved)
    done = dg.Out(dict, description="The performed rollback.", io_manager_key=files)
    downgrade = _op(config, DOWNGRADE, DOWNGRADE_TEXT, rollback_ops.archive_and_downgrade, done)
    verified = dg.Out(dg.Nothing, description="The verified schema.", io_manager_key=files)
    verify = _op(config, VERIFY, VERIFY_TEXT, rollback_ops.verify_rollback, verified)
    values = {"environment": run_config.first_environment(config), "to": None, "by_remedy": False}

    @dg.job(
        name=prefixed(JOB, project),
        description=(
            "Downgrades one environment to an earlier revision, archives the rows that this would destroy, and verifies it."
        ),
        hooks={failure_hook(config)},
        config=run_config.scaffold(plan.name, **values),
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        verify(downgrade(gate(plan())))

    return job


PLAN_TEXT = "Plans the rollback of one environment: the statements, and what is archived. Changes nothing."
GATE_TEXT = (
    "Continues if the environment has no gate, or if exactly this rollback is approved. Otherwise records a request for "
    "approval, and the later steps are skipped."
)
DOWNGRADE_TEXT = (
    "Archives what the downgrades would destroy, and downgrades, in the same transaction, which is verified before it "
    "is committed."
)
VERIFY_TEXT = "Verifies the whole schema, materializes the asset with what was archived, and adds the archive's checksums."


def _plan_op(config: Config) -> dg.OpDefinition:
    """Return the first op, which has the configuration of the job."""

    @dg.op(
        name=prefixed(PLAN, config.project.name),
        description=PLAN_TEXT,
        config_schema=run_config.rollback(config),
        required_resource_keys=required_resources(config),
        out=dg.Out(
            dict, is_required=False, description="The plan of the rollback.", io_manager_key=files_key(config)
        ),
    )
    def plan(context: dg.OpExecutionContext) -> Iterator[Any]:
        yield from rollback_ops.plan_rollback(context)

    return plan


def _op(
    config: Config,
    name: str,
    description: str,
    execute: Callable[[dg.OpExecutionContext, dict[str, Any]], Iterator[Any]],
    out: dg.Out,
) -> dg.OpDefinition:
    """Return an op that gets the output of the op before it."""

    @dg.op(
        name=prefixed(name, config.project.name),
        description=description,
        required_resource_keys=required_resources(config),
        ins={"before": dg.In(dict, description="The result of the step before.")},
        out=out,
    )
    def op(context: dg.OpExecutionContext, before: dict[str, Any]) -> Iterator[Any]:
        yield from execute(context, before)

    return op
