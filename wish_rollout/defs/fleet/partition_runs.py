"""A run of Dagster over some partitions of a fleet: it migrates and verifies their targets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.fleets.rollouts import EarlierEnvironmentNotInStep
from wish_rollout.core.fleet.waves import FailureLimit, Wave, WaveTargets
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.defs.fleet.events import refuse_incomplete
from wish_rollout.defs.fleet.gate import FleetGate
from wish_rollout.defs.fleet.work import FleetWork
from wish_rollout.defs.resources import project_of
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.defs.runs.run_tags import clear_copied_tags
from wish_rollout.rollout.fleet.inspection import are_all_in_step
from wish_rollout.rollout.fleet.selection import select_targets
from wish_rollout.rollout.fleet.target_work import APPLY
from wish_rollout.rollout.fleet.wave_rollout import waves_of
from wish_rollout.rollout.inspection.environment_status import read_environment_status
from wish_rollout.rollout.servers.fleet_targets import read_fleet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import dagster as dg

    from wish_rollout.config import Environment
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget

EACH_BY_ITSELF = FailureLimit(100, is_percent=True)
"""The operator has chosen the partitions, so that one that fails does not stop the others."""


def materialize_targets(
    context: dg.OpExecutionContext, env: Environment, names: Sequence[str]
) -> Iterator[Any]:
    """Migrate and verify the targets of some partitions; yield the events of each.

    In a gated fleet, a target whose plan is not approved fails; no approval is requested.

    Raises, as Failures, EarlierEnvironmentNotInStep, UnknownFleetTarget and FleetIncomplete.
    """
    clear_copied_tags(context.instance, context.run)
    project = project_of(context)
    with rollout_errors_as_failures():
        refuse_early(project, env)
        fleet = read_fleet(project.config, env)
        targets = select_targets(env, fleet, names)
        order = {"kind": APPLY}
        gate = FleetGate(context, project, env, order, requests=False) if env.gated else None
        waves = chosen_waves(env, fleet, targets, gate)
    work = FleetWork(context, env, targets, waves, order, records_unchanged=True, gate=gate)
    with rollout_errors_as_failures():
        yield from work.events()
        refuse_incomplete(env, work.results)


def chosen_waves(
    env: Environment, fleet: Sequence[FleetTarget], targets: Sequence[FleetTarget], gate: FleetGate | None
) -> list[WaveTargets]:
    """Return the chosen targets as one wave; those of a gated fleet by their waves, for which the approvals are."""
    wave = Wave("partitions", rest=True, parallel=env.parallel, max_failures=EACH_BY_ITSELF)
    if gate is None:
        return [WaveTargets(wave, tuple(target.listed for target in targets))]
    chosen = {target.name for target in targets}
    found = []
    for each in waves_of(env, fleet, gate.signed_names()):
        listed = tuple(target for target in each.targets if target.name in chosen)
        if listed:
            found.append(WaveTargets(replace(wave, name=each.wave.name, gate=each.wave.gate), listed))
    return found


def refuse_early(project: Project, env: Environment) -> None:
    """Raise EarlierEnvironmentNotInStep unless every environment before a fleet is at the head and in step."""
    config = project.config
    environments = [each.name for each in config.environments]
    for earlier in config.environments[: environments.index(env.name)]:
        if earlier.is_fleet:
            in_step = are_all_in_step(project, earlier, read_fleet(config, earlier))
            verdict = "not in step in all its targets"
        else:
            found = read_environment_status(project, project.target(earlier.name)).verdict
            in_step, verdict = found is Verdict.IN_STEP, found.value
        if not in_step:
            raise EarlierEnvironmentNotInStep(env.name, earlier.name, verdict)
