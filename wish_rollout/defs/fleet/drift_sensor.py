"""The drift sensor of a fleet: each tick examines a slice of the targets, and records findings when they change."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.fleet.grouping import StatusGroup, shorten_names
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.core.plan.canonical_digest import canonical_digest
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.text.redaction import escape_to_one_line
from wish_rollout.defs.asset_keys import fleet_key, prefixed
from wish_rollout.defs.drift.events import NO_DRIFT
from wish_rollout.defs.events.limits import limited_names
from wish_rollout.defs.runs import json_parsing
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.rollout.fleet.drift_pass import DriftPass
from wish_rollout.rollout.inspection.notifications import send_to_receivers
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.servers.fleet_targets import read_fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wish_rollout.config import Config, Environment
    from wish_rollout.rollout.servers.fleet_targets import FleetTarget

SECONDS_BETWEEN_TICKS = 60
SLICE = 200
"""So many targets are examined in a tick at most."""
TICK_SECONDS = 20.0
"""A tick begins no further target after so many seconds."""


@dataclass(frozen=True)
class FleetCursor:
    """What a tick leaves to the next one. ``next_name``: the target with which the next slice begins.

    ``findings``: the digest of what was recorded last, also if it was no finding; empty until something was recorded.
    """

    next_name: str = ""
    findings: str = ""

    @classmethod
    def from_text(cls, text: str | None) -> FleetCursor:
        """Return the cursor with a text that ``to_text`` wrote; unknown or missing fields are ignored."""
        values = json_parsing.parse_string_mapping(text)
        return cls(values.get("next_name", ""), values.get("findings", ""))

    def to_text(self) -> str:
        """Return the fields as JSON."""
        return json_parsing.to_json({"next_name": self.next_name, "findings": self.findings})


def fleet_drift_sensor(config: Config, env: Environment) -> dg.SensorDefinition:
    """Return the sensor that examines the targets of a fleet for drift."""

    @dg.sensor(
        name=prefixed(f"drift_{env.name}", config.project.name),
        asset_selection=dg.AssetSelection.assets(fleet_key(env.name, config.project.name)),
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Examines up to {SLICE} targets of {env.name} for drift in each tick. Records the groups of targets that have "
        "drifted when they change.",
    )
    def sense(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        with rollout_errors_as_failures():
            project = Project.load(config.path)
            return examine_slice(project, env, FleetCursor.from_text(context.cursor), context.log.error)

    return sense


def examine_slice(
    project: Project, env: Environment, cursor: FleetCursor, log: Callable[[str], None]
) -> dg.SensorResult:
    """Examine the next targets; return the check ``no_drift`` if the findings differ from those of the cursor.

    ``log``: called with failed deliveries of notifications, and if the states cannot be written. Raises what ``read_fleet`` raises.
    """
    targets = read_fleet(project.config, env)
    names = [target.name for target in targets]
    states = DriftPass(project, env)
    start = names.index(cursor.next_name) if cursor.next_name in names else 0
    chosen = choose_slice(targets, start, states)
    try:
        count = states.read(chosen, TICK_SECONDS)
    finally:
        states.save(names, log)
    examined = {target.name for target in chosen[:count]}
    known = (name for name in names[start:] if name not in examined and not states.is_unread(name))
    following = next(known, names[0])
    findings = states.findings(names)
    decided = len(states.decided(names))
    reason = f"examined {count} of {len(names)} targets"
    if findings is None or not (findings or cursor.findings or decided == len(states.states)):
        return dg.SensorResult(
            skip_reason=f"{reason}; the first pass is not complete",
            cursor=FleetCursor(following, cursor.findings).to_text(),
        )
    digest = canonical_digest([[*key(group), *group.names] for group in findings])
    events = [] if digest == cursor.findings else [evaluation(project, env, findings, decided)]
    if events and (findings or cursor.findings):
        notify(project, env, findings, log)
    return dg.SensorResult(
        skip_reason=f"{reason}; {len(findings)} groups with a finding",
        cursor=FleetCursor(following, digest).to_text(),
        asset_events=events,
    )


def choose_slice(targets: Sequence[FleetTarget], start: int, states: DriftPass) -> list[FleetTarget]:
    """Return the targets of a tick: in turn one that no pass has come to yet, and one of the others from ``start`` on.

    So neither targets that come all the time keep the others from being examined, nor the reverse. The first pass, before
    which nothing is reported, only examines the former.
    """
    unread = [target for target in targets if states.is_unread(target.name)]
    known = [target for target in targets[start:] if not states.is_unread(target.name)]
    if not states.known.is_complete:
        return [*unread, *known][:SLICE]
    turns = (target for pair in zip_longest(unread, known) for target in pair if target is not None)
    return list(islice(turns, SLICE))


def key(group: StatusGroup) -> tuple[str, str, str]:
    """Return what the targets of a group have in common."""
    return group.first.verdict, group.first.position, group.first.fingerprint


def describe(group: StatusGroup) -> str:
    """Return a group in one line: how many targets, which, and how they differ from their revision."""
    first, names = group.first, shorten_names(group.names)
    text = first.error.text if first.error else first.drift
    if not text and first.verdict == Verdict.FOREIGN:
        text = "unknown revision"
    line = f"{len(group.members)} {first.verdict} at {first.position}: {names}"
    return f"{line}: {escape_to_one_line(text)}" if text else line


def evaluation(
    project: Project, env: Environment, findings: Sequence[StatusGroup], total: int
) -> dg.AssetCheckEvaluation:
    """Return the check ``no_drift`` of a fleet: a finding for each group. ``total``: how many targets were examined."""
    lines = [describe(group) for group in findings]
    return dg.AssetCheckEvaluation(
        asset_key=fleet_key(env.name, project.config.project.name),
        check_name=NO_DRIFT,
        passed=not findings,
        description="; ".join(lines)[:2000]
        if lines
        else f"all {total} examined targets have the schema of their revision",
        metadata={
            "targets": total,
            "findings": limited_names(lines),
            "what to do": f"wish-rollout drift {env.name}",
        },
    )


def notify(
    project: Project, env: Environment, findings: Sequence[StatusGroup], log: Callable[[str], None]
) -> None:
    """Send a notification of the findings as they are now, or that there are none any more."""
    unread = findings and all(group.first.verdict == Verdict.UNREACHABLE for group in findings)
    event = (Event.UNREACHABLE if unread else Event.DRIFT) if findings else Event.DRIFT_ENDED
    count = sum(len(group.members) for group in findings)
    title = f"{env.name}: {count} targets with a finding" if findings else f"{env.name}: no drift any more"
    text = "\n".join([*map(describe, findings), "", f"wish-rollout drift {env.name}"])
    send_to_receivers(project.config, Notification(event, env.name, title, text), log)
