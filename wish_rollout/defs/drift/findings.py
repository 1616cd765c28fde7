"""What a tick of the drift sensor finds, and what it reports of an environment that does not answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.notifications import Event, Notification
from wish_rollout.defs.asset_keys import schema_key
from wish_rollout.defs.drift.cursor import TICKS_UNTIL_UNREACHABLE, DriftCursor
from wish_rollout.defs.runs.notifications import notify_without_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.core.errors.base import ConfigurationError, RolloutError
    from wish_rollout.rollout.project.project import Project


@dataclass
class Finding:
    """What a tick has found in one environment: the next cursor, the reason without a run, runs, and events.

    ``error``: a wrong configuration, because of which nothing was read.
    """

    cursor: DriftCursor
    reason: str = ""
    requests: list[dg.RunRequest] = field(default_factory=list)
    events: list[dg.AssetObservation] = field(default_factory=list)
    error: ConfigurationError | None = None


def report_silence(
    project: Project, name: str, cursor: DriftCursor, error: RolloutError, log: Callable[[str], None]
) -> Finding:
    """Count a tick without an answer; record and notify once when there were too many. ``log``: of failed deliveries."""
    ticks = cursor.silent_ticks + 1
    now = datetime.now(UTC).isoformat(timespec="seconds")
    after = replace(cursor, silent=str(ticks), since=cursor.since or now)
    reason = error.fill(error.summary)
    events = []
    if ticks == TICKS_UNTIL_UNREACHABLE:
        title = f"{name}: unreachable since {after.since}"
        events = [_observation(project, name, f"{title}. {reason}", "unreachable", after.since)]
        _notify(project, Notification(Event.UNREACHABLE, name, title, reason), log)
    count = f"{ticks} of {TICKS_UNTIL_UNREACHABLE} ticks" if ticks < TICKS_UNTIL_UNREACHABLE else "reported"
    skip = f"{name} does not answer since {after.since} ({count}): {reason}"
    return Finding(after, skip, events=events)


def report_answer(
    project: Project, name: str, cursor: DriftCursor, log: Callable[[str], None]
) -> list[dg.AssetObservation]:
    """Record and notify that an environment answers again that was reported as unreachable; return the event."""
    title = f"{name}: answers again, was unreachable since {cursor.since}"
    _notify(project, Notification(Event.REACHABLE, name, title, ""), log)
    return [_observation(project, name, title, "reachable", cursor.since)]


def _notify(project: Project, notice: Notification, log: Callable[[str], None]) -> None:
    """Send a notification with the next command."""
    text = f"{notice.text}\n\nwish-rollout status".strip()
    notify_without_run(project.config, replace(notice, text=text), log)


def _observation(project: Project, name: str, text: str, state: str, since: str) -> dg.AssetObservation:
    key = schema_key(name, project.config.project.name)
    return dg.AssetObservation(key, description=text, metadata={"state": state, "since": since})
