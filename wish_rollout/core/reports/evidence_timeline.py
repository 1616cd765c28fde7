"""The timeline and the lineage of a release, from its evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wish_rollout.core.reports.evidence import Evidence, EvidenceRow

UNKNOWN_TIME = datetime.max.replace(tzinfo=UTC)


def timeline(evidence: Evidence) -> list[tuple[str, str]]:
    """Return each request and each change of all environments in the order of time: time and text."""
    events: dict[tuple[str, str], None] = {}
    for environment, row in evidence.rows():
        act = row.entry.act
        for each in row.approvals:
            events[each.requested, f"{environment}: approval requested by {act.who}"] = None
        change = f"{environment}: {act.act} {act.start} → {act.end}, {act.milliseconds} ms"
        events[row.entry.at, change] = None
    return sorted(events, key=lambda event: (_time(event[0]), event))


def lineage(evidence: Evidence) -> list[tuple[str, str]]:
    """Return the assets in the order in which the release went through them, with the last schema of each."""
    steps = [("release/plan", f"release {evidence.release}")]
    for each in evidence.environments:
        for row in each.rows[-1:]:
            act = row.entry.act
            run = f", Dagster run {act.run}" if act.run else ""
            steps.append((f"schema/{each.environment}", f"{act.end}, schema {act.after or act.before}{run}"))
    return steps


def wait_for_approval(row: EvidenceRow) -> str:
    """Return the time from the first request for an approval to the beginning of the change; "" without an approval."""
    requested = min((_time(each.requested) for each in row.approvals), default=UNKNOWN_TIME)
    ended = _time(row.entry.at)
    if UNKNOWN_TIME in (requested, ended):
        return ""
    begun = ended - timedelta(milliseconds=row.entry.act.milliseconds)
    return str(timedelta(seconds=round((begun - requested).total_seconds())))


def _time(text: str) -> datetime:
    """Return a time of the ledger or of a request; UNKNOWN_TIME for another text."""
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return UNKNOWN_TIME
    return found if found.tzinfo else found.replace(tzinfo=UTC)
