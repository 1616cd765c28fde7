"""The assets of a fleet besides its step in the pipeline: the schemas of its targets, and the check of all of them."""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.core.fleet.grouping import group_statuses, shorten_names, summarize_groups
from wish_rollout.core.fleet.results import ALL_TARGETS, TargetStatus
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.defs.asset_keys import fleet_key, parent_keys, prefixed, schema_key
from wish_rollout.defs.drift.events import NO_DRIFT
from wish_rollout.defs.events.limits import limited_names
from wish_rollout.defs.fleet.drift_sensor import describe, evaluation
from wish_rollout.defs.fleet.events import ALL_TARGETS_DESCRIPTION
from wish_rollout.defs.fleet.partition_runs import materialize_targets
from wish_rollout.defs.fleet.partitions import fleet_partitions
from wish_rollout.defs.fleet.wave_of_run import is_of_wave
from wish_rollout.defs.gate.gate_check import GATE, GATE_DESCRIPTION, current_wave_evaluation
from wish_rollout.defs.release_version import code_version
from wish_rollout.defs.resources import files_key, project_of, required_resources
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.defs.runs.notifications import failure_hook
from wish_rollout.rollout.fleet.drift_pass import is_finding
from wish_rollout.rollout.fleet.inspection import read_statuses
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.servers.fleet_targets import read_fleet

TARGETS_IN_RUN = 100
NO_DRIFT_DESCRIPTION = "Every target has exactly the schema that its revision defines."


def target_schemas(config: Config, env: Environment) -> dg.AssetsDefinition:
    """Return the asset of the targets' schemas, with a partition for each target.

    A backfill of it is one run for each ``targets_per_run`` targets, which the run launcher of the instance launches. For the
    runs of a wave, the step that has launched them sends the notification.
    """
    policy = dg.BackfillPolicy.multi_run(max_partitions_per_run=env.targets_per_run or TARGETS_IN_RUN)

    @dg.asset(
        key=schema_key(env.name, config.project.name),
        deps=parent_keys(config, env.name),
        partitions_def=fleet_partitions(config, env),
        backfill_policy=policy,
        group_name=prefixed("rollout", config.project.name),
        description=f"The schema of each target of {env.name} at its last verification. The data version is the schema's "
        "fingerprint. Materializing a partition migrates the target.",
        tags={"dagster/kind/postgresql": "", "dagster/kind/schema": ""},
        owners=config.dagster.owners,
        code_version=code_version(config),
        required_resource_keys=required_resources(config),
        io_manager_key=files_key(config),
        output_required=False,
        hooks={failure_hook(config, unless=is_of_wave)},
    )
    def schemas(context: dg.AssetExecutionContext) -> Iterator[Any]:
        yield from materialize_targets(context.op_execution_context, env, context.partition_keys)

    return schemas


def fleet_checks(config: Config, env: Environment) -> dg.AssetChecksDefinition:
    """Return the checks of ``fleet/<env>``, which read all targets."""
    asset = fleet_key(env.name, config.project.name)
    spec = dg.AssetCheckSpec(ALL_TARGETS, asset=asset, description=ALL_TARGETS_DESCRIPTION)
    gate = [dg.AssetCheckSpec(GATE, asset=asset, description=GATE_DESCRIPTION)] if env.gated else []
    no_drift = dg.AssetCheckSpec(NO_DRIFT, asset=asset, description=NO_DRIFT_DESCRIPTION)

    @dg.multi_asset_check(
        name=prefixed(f"checks_of_{env.name}", config.project.name),
        description=f"Reads all targets of {env.name}. Changes nothing.",
        specs=[spec, no_drift, *gate],
        required_resource_keys=required_resources(config),
    )
    def execute(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        project = project_of(context.op_execution_context)
        yield from check_targets(project, env, context.log.info)
        if gate:
            yield as_result(current_wave_evaluation(context.instance, project, env.name))

    return execute


def check_targets(
    project: Project, env: Environment, report: Callable[[str], None]
) -> Iterator[dg.AssetCheckResult]:
    """Read all targets; yield the results of the checks. ``report``: as in ``read_statuses``. Raises, as Failures, its errors."""
    asset = fleet_key(env.name, project.config.project.name)
    with rollout_errors_as_failures():
        statuses = list(read_statuses(project, env, read_fleet(project.config, env), report))
    yield check_result(asset, statuses)
    findings = group_statuses(filter(is_finding, statuses))
    yield as_result(evaluation(project, env, findings, len(statuses)))


def as_result(found: dg.AssetCheckEvaluation) -> dg.AssetCheckResult:
    """Return an evaluation as the result of a check that is executed."""
    return dg.AssetCheckResult(
        asset_key=found.asset_key,
        check_name=found.check_name,
        passed=found.passed,
        severity=found.severity,
        description=found.description,
        metadata=found.metadata,
    )


def check_result(asset: dg.AssetKey, statuses: list[TargetStatus]) -> dg.AssetCheckResult:
    """Return the result of the check: passed if all targets are in step."""
    bad = [each.target for each in statuses if each.verdict != Verdict.IN_STEP or each.error]
    groups = group_statuses(statuses)
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=ALL_TARGETS,
        passed=not bad,
        description=f"not in step: {shorten_names(bad)}" if bad else f"all {len(statuses)} are in step",
        metadata={
            "targets": len(statuses),
            "groups": summarize_groups(groups),
            "states": limited_names(map(describe, groups)),
        },
    )
