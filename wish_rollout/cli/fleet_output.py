"""Status, drift and plan of the targets of a fleet: reading them with a progress bar, and their output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from wish_rollout.cli import output
from wish_rollout.cli.run_output import show_plan
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.fleet.grouping import grouped, shorten_names, summarize_groups
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.text.redaction import escape_to_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wish_rollout.config import Environment
    from wish_rollout.core.fleet.results import TargetPlan
    from wish_rollout.rollout.fleet.inspection import GroupDelta
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget

Read = TypeVar("Read")
UNREAD = (Verdict.UNREACHABLE.value, Verdict.LOCKED.value)
EQUAL_TO_ITS_REVISION = (Verdict.IN_STEP.value, Verdict.BEHIND.value)


@dataclass(frozen=True)
class FleetState:
    """The groups of a fleet's targets with the same state, the largest first; or the error because of which none was read."""

    environment: str
    groups: tuple[GroupDelta, ...]
    error: str = ""

    @property
    def is_read(self) -> bool:
        """Whether every target could be read, and has its own database."""
        first = [each.group.first for each in self.groups]
        return not self.error and not any(status.verdict in UNREAD or status.error for status in first)

    @property
    def has_drift(self) -> bool:
        """Whether a target has not the schema of its revision."""
        verdicts = {each.group.first.verdict for each in self.groups}
        return bool(verdicts - {*UNREAD, *EQUAL_TO_ITS_REVISION})

    @property
    def drift_exit_code(self) -> int:
        """4 if a target has drifted, 1 if one cannot be read, otherwise 0."""
        return 4 if self.has_drift else int(not self.is_read)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {
            "environment": self.environment,
            "targets": sum(len(each.group.members) for each in self.groups),
            "groups": [each.as_dict() for each in self.groups],
            "error": self.error or None,
        }


def read_fleet_states(project: Project, fleets: Sequence[Environment], *, named: bool) -> list[FleetState]:
    """Read all targets of fleets. ``named``: raise the error of one whose list cannot be used; otherwise it is its state."""
    found = []
    for env in fleets:
        try:
            found.append(read_fleet_state(project, env))
        except RolloutError as error:
            if named:
                raise
            found.append(FleetState(env.name, (), str(error)))
    return found


def read_fleet_state(project: Project, env: Environment) -> FleetState:
    """Read all targets of a fleet, with a progress bar."""
    from wish_rollout.rollout.fleet.inspection import group_deltas, read_statuses
    from wish_rollout.rollout.servers.fleet_targets import read_fleet

    targets = read_fleet(project.config, env)
    places = {target.name: place for place, target in enumerate(targets)}
    found = list(_with_progress(env, targets, read_statuses(project, env, targets, output.write_note)))
    statuses = sorted(found, key=lambda status: places[status.target])
    return FleetState(env.name, group_deltas(project, targets, statuses))


def with_fleets(document: dict[str, Any], fleets: Sequence[FleetState]) -> dict[str, Any]:
    """Return a ``--json`` document with the fleets, if there are any."""
    return {**document, "fleets": [fleet.as_dict() for fleet in fleets]} if fleets else document


def show_fleet_state(state: FleetState, *, differences: bool) -> None:
    """Print the groups of a fleet's targets. ``differences``: with their deltas from the largest group."""
    groups = [each.group for each in state.groups]
    if state.error:
        output.write_line(f"{state.environment}: no target was read: {state.error}")
        return
    output.write_line(f"{state.environment}: {summarize_groups(groups)}")
    rows = []
    for group in groups:
        first, targets = group.first, str(len(group.members))
        text = first.error.text if first.error else first.drift or ", ".join(first.pending) or "-"
        names = shorten_names(group.names)
        fingerprint = first.fingerprint[:12] or "-"
        rows.append([targets, first.verdict, first.position, fingerprint, names, escape_to_one_line(text)])
    output.write_table(["targets", "verdict", "revision", "fingerprint", "names", "pending, or drift"], rows)
    for each in state.groups if differences else ():
        if each.delta:
            names = shorten_names(each.group.names)
            output.write_line(f"from the largest group to {names}:")
            output.show_delta(each.delta)


def show_fleet_plan(project: Project, env: Environment, *, json: bool) -> int:
    """Print the plans of all targets of a fleet, equal ones once; return the exit code of the first refusal, or 0."""
    from wish_rollout.rollout.fleet.inspection import read_plans
    from wish_rollout.rollout.fleet.wave_rollout import waves_of
    from wish_rollout.rollout.servers.fleet_targets import read_fleet

    targets = read_fleet(project.config, env)
    waves = {each.wave.name: [target.name for target in each.targets] for each in waves_of(env, targets)}
    places = {target.name: place for place, target in enumerate(targets)}
    found = list(_with_progress(env, targets, read_plans(project, env, targets, output.write_note)))
    plans = sorted(found, key=lambda plan: places[plan.target])
    groups = grouped(plans, lambda plan: (plan.kind, plan.error.name if plan.error else ""))
    if json:
        output.show_json(
            {"environment": env.name, "waves": waves, "groups": [_plan_group(group) for group in groups]}
        )
    else:
        listed = ", ".join(f"{name} {len(names)}" for name, names in waves.items())
        output.write_line(f"── {env.name}: {len(targets)} targets; waves: {listed}")
        for group in groups:
            _show_plan_group(project, group, targets)
    errors = [group[0].error for group in groups if group[0].error]
    return (errors[0].exit_code or 1) if errors else 0


def _plan_group(group: Sequence[TargetPlan]) -> dict[str, Any]:
    first = group[0]
    return {
        "summary": first.summary,
        "pending": list(first.pending),
        "count": len(group),
        "targets": [each.target for each in group],
        "cannot_be_carried_out": first.error.text if first.error else None,
    }


def _show_plan_group(project: Project, group: Sequence[TargetPlan], targets: Sequence[FleetTarget]) -> None:
    """Print how many targets have a plan, and the plan of the first one as it is now."""
    from wish_rollout.rollout.planning.plans import plan_target

    first = group[0]
    names = shorten_names([each.target for each in group])
    output.write_line(f"{len(group)} of {len(targets)}: {escape_to_one_line(first.summary)} ({names})")
    if first.error:
        output.write_line(f"cannot be executed: {first.error.text}")
    elif first.pending:
        target = next(each for each in targets if each.name == first.target)
        show_plan(plan_target(project, project.target_at(target.environment, target.url))[0])


def _with_progress(env: Environment, targets: Sequence[FleetTarget], items: Iterator[Read]) -> Iterator[Read]:
    """Yield the items, and show how many there are on a terminal. In a pipe, only the start is shown."""
    from wish_rollout.rollout.fleet.rate import RolloutRate

    rate = RolloutRate(env.name, len(targets))
    with output.progress(f"reading {len(targets)} targets of {env.name}") as report:
        for item in items:
            line = rate.count(has_failed=False)
            if output.is_progress_live():
                report(line)
            yield item
