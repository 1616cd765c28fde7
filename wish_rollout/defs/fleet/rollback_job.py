"""The job ``rollback_targets``: it rolls some targets of a fleet back to a revision."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from wish_rollout.config import Config
from wish_rollout.core.fleet.waves import FailureLimit, Wave, WaveTargets
from wish_rollout.defs.fleet.events import refuse_incomplete, summary_of_change
from wish_rollout.defs.fleet.gate import FleetGate
from wish_rollout.defs.fleet.work import FleetWork
from wish_rollout.defs.op_jobs import OpJob
from wish_rollout.defs.resources import project_of
from wish_rollout.defs.run_config import environment_enum
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.defs.runs.notifications import failure_hook, notify_of_change
from wish_rollout.defs.runs.run_tags import clear_copied_tags
from wish_rollout.rollout.fleet.selection import select_targets
from wish_rollout.rollout.fleet.target_work import ROLLBACK
from wish_rollout.rollout.planning.rollbacks.rollback_target import known_position
from wish_rollout.rollout.servers.fleet_targets import read_fleet

JOB, OP = "rollback_targets", "roll_back_targets"


def fleet_rollback_job(config: Config) -> dg.JobDefinition:
    """Return the job that rolls targets of a fleet back."""
    fleets = environment_enum(config, "Fleet", config.fleets)
    schema = {
        "environment": dg.Field(fleets, description="A fleet of rollout.toml."),
        "targets": dg.Field([str], default_value=[], description="Names of its targets."),
        "wave": dg.Field(str, default_value="", description="A wave, all targets of which are rolled back."),
        "to": dg.Field(str, description="Revision to downgrade to, or base."),
    }
    example = {"environment": config.fleets[0].name, "targets": [], "wave": "", "to": ""}
    text = "Rolls some targets of a fleet back, archives the rows that this would destroy, and verifies each."
    return OpJob(JOB, OP, text, schema, example).define(config, roll_back, {failure_hook(config)})


def roll_back(context: dg.OpExecutionContext) -> Iterator[Any]:
    """Roll the selected targets back; yield the events of each. Each that fails stops nothing but itself.

    Raises, as Failures, NoTargetSelected, UnknownFleetTarget, UnknownRevision also for an empty one, and FleetIncomplete.
    """
    clear_copied_tags(context.instance, context.run)
    project, chosen = project_of(context), context.op_config
    with rollout_errors_as_failures():
        env = project.config.find_environment(chosen["environment"])
        targets = select_targets(env, read_fleet(project.config, env), chosen["targets"], chosen["wave"])
        # required: the previous revision would be another one when the same run is executed again
        known_position(project.release, chosen["to"])
    wave = Wave("rollback", rest=True, parallel=env.parallel, max_failures=FailureLimit(100, is_percent=True))
    listed = tuple(target.listed for target in targets)
    order = {"kind": ROLLBACK, "to": chosen["to"]}
    gate = FleetGate(context, project, env, order) if env.gated else None
    work = FleetWork(context, env, targets, [WaveTargets(wave, listed)], order, gate=gate)
    with rollout_errors_as_failures():
        yield from work.events()
        if not work.waits:
            refuse_incomplete(env, work.results)
    if not work.waits:
        notify_of_change(context, env, summary_of_change(work.results))
    yield dg.Output(None)
