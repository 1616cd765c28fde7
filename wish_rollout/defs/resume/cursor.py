"""The cursor of the sensor ``resume_on_approval``: what a tick leaves to the next one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from wish_rollout.defs.asset_keys import approval_key
from wish_rollout.defs.runs import json_parsing

if TYPE_CHECKING:
    from collections.abc import Iterable

    import dagster as dg

MAX_REMEMBERED_NONCES = 50
"""How many nonces of used requests the cursor keeps at most. A tick skips them without reading the database."""


@dataclass(frozen=True)
class ResumeCursor:
    """What a tick leaves to the next one.

    ``used``: nonces of open requests that are used. ``events``: the newest events of the gated environments when no
    request could be resumed before another event, or "". ``until``: the time until which that holds, as in ISO 8601,
    because a request expires then; "" if no request waits. ``waiting``: the requests that wait (``waiting_entry``).
    """

    used: tuple[str, ...] = ()
    events: str = ""
    until: str = ""
    waiting: tuple[str, ...] = ()

    @classmethod
    def from_text(cls, text: str | None) -> ResumeCursor:
        """Return the cursor with a text that ``to_text`` wrote; what is invalid is ignored."""
        values = json_parsing.parse_json(text)
        if not isinstance(values, dict):
            return cls()
        texts = json_parsing.strings_of(values)
        used = json_parsing.strings_in(values.get("used"))
        waiting = json_parsing.strings_in(values.get("waiting"))
        return cls(tuple(used), texts.get("events", ""), texts.get("until", ""), tuple(waiting))

    def to_text(self) -> str:
        """Return the cursor as JSON."""
        values = {
            "used": list(self.used[:MAX_REMEMBERED_NONCES]),
            "events": self.events,
            "until": self.until,
            "waiting": list(self.waiting[:MAX_REMEMBERED_NONCES]),
        }
        return json_parsing.to_json({name: value for name, value in values.items() if value})

    def is_idle(self, events: str, now: datetime) -> bool:
        """Return whether there is nothing to do at a time, because the newest events are still those of the cursor."""
        if not self.events or self.events != events:
            return False
        return not self.until or now.isoformat() < self.until


def newest_events(instance: dg.DagsterInstance, environments: Iterable[str], project: str) -> str:
    """Return the IDs of the newest approval and the newest request or rejection of each environment, as a text."""
    keys = [approval_key(name, project) for name in environments]
    newest = (
        fetch(key, limit=1)
        for key in keys
        for fetch in (instance.fetch_materializations, instance.fetch_observations)
    )
    return " ".join(str(each.records[0].storage_id) if each.records else "-" for each in newest)
