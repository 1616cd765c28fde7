"""The step that rolls a release out to the targets of a fleet, wave after wave."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.errors.planning.plans import CleanNotAllowed
from wish_rollout.core.fleet.results import Outcome
from wish_rollout.defs.asset_keys import parent_keys
from wish_rollout.defs.fleet.events import (
    all_targets_evaluation,
    fleet_fingerprint,
    incomplete,
    summary_metadata,
    target_event,
    target_tags,
)
from wish_rollout.defs.fleet.partitions import materialized_targets, refresh_partitions
from wish_rollout.defs.resources import choices_of, project_of
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.defs.runs.run_tags import requester_of_run
from wish_rollout.rollout.execution.progress import PREFIX
from wish_rollout.rollout.fleet.rate import RolloutRate
from wish_rollout.rollout.fleet.target_work import APPLY
from wish_rollout.rollout.fleet.wave_rollout import WaveRollout, waves_of
from wish_rollout.rollout.fleet.worker_pool import WorkerPool
from wish_rollout.rollout.servers.fleet_targets import read_fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wish_rollout.config import Environment
    from wish_rollout.core.fleet.results import TargetResult
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget

REPORT_SECONDS = 2.0
"""How often the progress is logged. Each line is a row in Dagster's database."""


def plan_fleet(context: dg.OpExecutionContext, env: Environment) -> str:
    """Return how many targets a fleet has, and in which waves. Connects to none of them.

    Raises what ``read_fleet`` and ``assign_waves`` raise, and CleanNotAllowed.
    """
    if env.name in choices_of(context).clean:
        raise CleanNotAllowed(env.name)
    targets = read_fleet(project_of(context).config, env)
    waves = ", ".join(f"{each.wave.name} {len(each.targets)}" for each in waves_of(env, targets))
    return f"{env.name}: {len(targets)} targets, each is planned in its wave; waves: {waves}"


def roll_out_fleet(context: dg.OpExecutionContext, env: Environment) -> Iterator[Any]:
    """Migrate and verify all targets; yield the events of each, and the output if all targets are done."""
    project = project_of(context)
    with rollout_errors_as_failures():
        targets = read_fleet(project.config, env)
    added, removed = refresh_partitions(
        context.instance, project.config, env, [target.name for target in targets]
    )
    if added or removed:
        context.log.info(f"{env.name}: {len(added)} targets came, {len(removed)} went")
    results: list[TargetResult] = []
    started = time.monotonic()
    with rollout_errors_as_failures():
        yield from work_on_targets(context, env, targets, results)
    yield all_targets_evaluation(project, env, results, time.monotonic() - started)
    with rollout_errors_as_failures():
        if error := incomplete(env, results):
            raise error
    yield dg.Output(
        None,
        metadata=summary_metadata(results),
        data_version=dg.DataVersion(fleet_fingerprint(results)),
    )


def work_on_targets(
    context: dg.OpExecutionContext,
    env: Environment,
    targets: Sequence[FleetTarget],
    results: list[TargetResult],
) -> Iterator[dg.AssetMaterialization | dg.AssetObservation]:
    """Migrate and verify the targets; yield the events of those that were changed or failed, and fill ``results``."""
    project, choices = project_of(context), choices_of(context)
    order = {"kind": APPLY, "adopt": env.name in choices.adopt, "replan": env.name in choices.replan}
    recorded = materialized_targets(context.instance, project.config, env)
    tags = target_tags(project, context.instance, parent_keys(project.config, env.name))
    log = throttled(context.log.info)
    rate = RolloutRate(env.name, len(targets))
    who = requester_of_run(context.run)
    with WorkerPool(project, env.name, who=who, run=context.run_id, report=context.log.info) as pool:
        rollout = WaveRollout(
            env, targets, pool, order, report=lambda line: context.log.info(f"{PREFIX}{line}")
        )
        for result in rollout.run(waves_of(env, targets)):
            results.append(result)
            if result.error:
                context.log.error(f"{env.name}/{result.target}: {result.error.text}")
            log(f"{PREFIX}{rate.count(has_failed=not result.is_good)}")
            if not (result.outcome is Outcome.UNCHANGED and result.target in recorded):
                yield target_event(project, env, result, tags)


def throttled(log: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that logs at most every REPORT_SECONDS."""
    last = -REPORT_SECONDS

    def logged(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= REPORT_SECONDS:
            last = time.monotonic()
            log(text)

    return logged


def description(env: Environment) -> str:
    """Return the description of the asset of a rollout to a fleet."""
    return (
        f"The rollout to the targets of {env.name}, wave after wave. The data version is a digest of the fingerprints of all "
        "targets."
    )
