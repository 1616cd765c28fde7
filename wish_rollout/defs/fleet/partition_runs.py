"""A run of Dagster over some partitions of a fleet: it migrates and verifies their targets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.fleets.rollouts import (
    EarlierEnvironmentNotInStep,
    FleetReleaseChanged,
    UnknownFleetTarget,
)
from wish_rollout.core.fleet.grouping import shorten_names
from wish_rollout.core.fleet.waves import NOTHING_SIGNED, FailureLimit, Wave, WaveTargets
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.defs.fleet.backfills import FleetBackfills
from wish_rollout.defs.fleet.events import refuse_incomplete
from wish_rollout.defs.fleet.gate import FleetGate
from wish_rollout.defs.fleet.run_targets import targets_of_run
from wish_rollout.defs.fleet.wave_of_run import WaveOfRun
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
    from collections.abc import Collection, Iterator, Sequence

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

    In a gated fleet, a target whose plan is not approved fails; no approval is requested. A run that the step of a rollout has
    launched begins no other target after this has stopped the wave.

    Raises, as Failures, EarlierEnvironmentNotInStep, FleetReleaseChanged, TargetsOfRunUnknown, UnknownFleetTarget and
    FleetIncomplete.
    """
    clear_copied_tags(context.instance, context.run)
    project, order = project_of(context), {"kind": APPLY}
    wave = WaveOfRun.of(context.instance, context.run)
    gate = FleetGate(context, project, env, order, requests=False) if env.gated else None
    with rollout_errors_as_failures():
        refuse_early(project, env)
        if wave and wave.release != project.release_digest:
            raise FleetReleaseChanged(env.name)
        fleet = read_fleet(project.config, env)
        backfills = FleetBackfills(context.instance, project.config, env)
        chosen = targets_of_run(context.run, backfills, names, is_of_wave=wave is not None)
        if wave:
            waves = wave_of(env, wave, fleet, chosen, gate)
            targets = without_others(context, fleet, chosen, waves[0])
        else:
            targets = select_targets(env, fleet, chosen)
            waves = chosen_waves(env, fleet, targets, gate)
    work = FleetWork(context, env, targets, waves, order, records_unchanged=True, gate=gate, wave=wave)
    with rollout_errors_as_failures():
        yield from work.events()
        refuse_incomplete(env, work.results)


def without_others(
    context: dg.OpExecutionContext, fleet: Sequence[FleetTarget], names: Collection[str], found: WaveTargets
) -> tuple[FleetTarget, ...]:
    """Return those of the named targets that are in a wave; log the names of the others."""
    of_wave = {target.name for target in found.targets}
    if left := sorted(set(names) - of_wave):
        text = f"not in wave {found.wave.name} any more, and left to the step of the rollout: {shorten_names(left)}"
        context.log.warning(text)
    return tuple(target for target in fleet if target.name in of_wave)


def wave_of(
    env: Environment,
    of_run: WaveOfRun,
    fleet: Sequence[FleetTarget],
    names: Collection[str],
    gate: FleetGate | None,
) -> list[WaveTargets]:
    """Return the targets of a run that belong to the wave whose step has launched it. ``names``: of those of the run.

    One that has left the list since is not the concern of the others. The name of the wave is a claim, and a wave may have no
    gate, so the wave of each target is found as in a rollout. Raises UnknownFleetTarget.
    """
    for each in waves_of(env, fleet, gate.signed_names() if gate else NOTHING_SIGNED):
        if each.wave.name == of_run.name:
            wave = replace(each.wave, max_failures=FailureLimit(of_run.most_failures), soak=0)
            return [WaveTargets(wave, tuple(target for target in each.targets if target.name in set(names)))]
    raise UnknownFleetTarget(env.name, "wave", of_run.name)


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
            in_step = are_all_in_step(project, earlier, read_fleet(config, earlier), reads_all=True)
            verdict = "not in step in all its targets"
        else:
            found = read_environment_status(project, project.target(earlier.name)).verdict
            in_step, verdict = found is Verdict.IN_STEP, found.value
        if not in_step:
            raise EarlierEnvironmentNotInStep(env.name, earlier.name, verdict)
