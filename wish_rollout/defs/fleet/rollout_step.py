"""The step that rolls a release out to the targets of a fleet, wave after wave."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.errors.fleets.rollouts import (
    FleetCleanRefused,
    SoakTooLong,
    TargetChoiceRefused,
    UnknownFleetTarget,
)
from wish_rollout.core.fleet.results import Outcome
from wish_rollout.core.fleet.waves import NOTHING_SIGNED
from wish_rollout.defs.fleet.backfills import FleetBackfills
from wish_rollout.defs.fleet.earlier_runs import await_earlier_runs
from wish_rollout.defs.fleet.events import (
    all_targets_evaluation,
    fleet_fingerprint,
    refuse_incomplete,
    summary_metadata,
    summary_of_change,
)
from wish_rollout.defs.fleet.gate import FleetGate
from wish_rollout.defs.fleet.partition_list import refresh_partitions
from wish_rollout.defs.fleet.partition_runs import refuse_early
from wish_rollout.defs.fleet.wave_backfills import WaveBackfills
from wish_rollout.defs.fleet.work import FleetWork
from wish_rollout.defs.resources import choices_of, project_of
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.defs.runs.notifications import notify_of_change
from wish_rollout.rollout.approval.approver_rules import configured_rules, refuse_unreachable_quorum
from wish_rollout.rollout.fleet.approvable_plans import TARGET_CHOICES, choices_of_fleet
from wish_rollout.rollout.fleet.target_work import APPLY
from wish_rollout.rollout.fleet.wave_rollout import waves_of
from wish_rollout.rollout.servers.fleet_targets import read_fleet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wish_rollout.config import Environment
    from wish_rollout.rollout.planning.plans import Choices
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget


def plan_fleet(context: dg.OpExecutionContext, env: Environment) -> str:
    """Return how many targets a fleet has, and in which waves. Connects to none of them.

    Raises what ``read_fleet``, ``refuse_choices`` and ``assign_waves`` raise, and SoakTooLong; for a gated fleet
    ApproversNotConfigured, InvalidAllowedSigners and QuorumUnreachable.
    """
    if env.gated:
        rules = configured_rules(project_of(context), env)
        if not rules.policy.break_glass:  # with break-glass one approver may proceed
            refuse_unreachable_quorum(env.name, rules)
    refuse_long_soak(context, env)
    targets = read_fleet(project_of(context).config, env)
    refuse_choices(env, choices_of(context), targets)
    waves = ", ".join(f"{each.wave.name} {len(each.targets)}" for each in waves_of(env, targets))
    return f"{env.name}: {len(targets)} targets, each is planned in its wave; waves: {waves}"


def refuse_choices(env: Environment, choices: Choices, targets: Sequence[FleetTarget]) -> None:
    """Raise FleetCleanRefused, UnknownFleetTarget, or TargetChoiceRefused for a choice that would be ignored."""
    names = {target.environment.name for target in targets}
    for option in ("clean", *TARGET_CHOICES):
        for name in getattr(choices, option):
            fleet, _, target = name.partition("/")
            if fleet != env.name:
                continue
            if option == "clean":
                raise FleetCleanRefused(env.name)
            if target and name not in names:
                raise UnknownFleetTarget(env.name, "target", target)
            if target and env.gated:
                raise TargetChoiceRefused(name, option, env.name)


def refuse_long_soak(context: dg.OpExecutionContext, env: Environment) -> None:
    """Raise SoakTooLong if Dagster's daemon would end the run before the last wave begins."""
    instance = context.instance
    limit = float(instance.run_monitoring_max_runtime_seconds or 0) if instance.run_monitoring_enabled else 0
    soak = sum(wave.soak for wave in env.waves[:-1])
    if limit and soak >= limit:
        raise SoakTooLong(env.name, soak, limit)


def roll_out_fleet(context: dg.OpExecutionContext, env: Environment) -> Iterator[Any]:
    """Migrate and verify all targets; yield the events of each, and the output if all targets are done.

    At a wave that waits for an approval, the step ends without the output, so that the later steps are skipped.
    The environments before the fleet are read again, because Dagster can execute this step without those before it.
    Raises, as Failures, what ``refuse_early``, ``read_fleet`` and ``assign_waves`` raise, and FleetIncomplete.
    """
    project, choices = project_of(context), choices_of(context)
    with rollout_errors_as_failures():
        refuse_early(project, env)
        await_earlier_runs(context, project.config, env)
        targets = read_fleet(project.config, env)
        refuse_choices(env, choices, targets)
        order = {"kind": APPLY, **choices_of_fleet(choices, env.name)}
        gate = FleetGate(context, project, env, order) if env.gated else None
        waves = waves_of(env, targets, gate.signed_names() if gate else NOTHING_SIGNED)
    found = FleetBackfills(context.instance, project.config, env)
    with rollout_errors_as_failures():
        added, removed = refresh_partitions(found, [target.name for target in targets])
    if added or removed:
        context.log.info(f"{env.name}: {len(added)} targets came, {len(removed)} went")
    backfills = WaveBackfills(context, project, env) if env.targets_per_run else None
    work = FleetWork(context, env, targets, waves, order, gate=gate, backfills=backfills)
    started = time.monotonic()
    with rollout_errors_as_failures():
        yield from work.events()
    if any(result.outcome is not Outcome.NOT_BEGUN for result in work.results):
        yield all_targets_evaluation(project, env, work.results, time.monotonic() - started)
    if work.waits:
        return
    with rollout_errors_as_failures():
        refuse_incomplete(env, work.results)
    notify_of_change(context, env, summary_of_change(work.results))
    yield dg.Output(
        None,
        metadata=summary_metadata(work.results),
        data_version=dg.DataVersion(fleet_fingerprint(work.results)),
    )


def description(env: Environment) -> str:
    """Return the description of the asset of a rollout to a fleet."""
    return (
        f"The rollout to the targets of {env.name}, wave after wave. The data version is a digest of the fingerprints of all "
        "targets."
    )
