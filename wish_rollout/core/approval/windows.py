"""Change windows: the times at which an environment may be changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, time
    from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Window:
    """A change window: days of the week (0 is Monday) and hours, ``[opens, closes)``, in a time zone.

    A window that closes before it opens ends on the next day. Hours are local wall clock time: a window is an
    hour longer or shorter on the days on which the clocks are changed.
    """

    days: tuple[int, ...]
    opens: time
    closes: time
    zone: ZoneInfo

    def contains(self, now: datetime) -> bool:
        """Return whether a time is in the window."""
        local = now.astimezone(self.zone)
        clock, today = local.time().replace(tzinfo=None), local.weekday()
        if self.opens < self.closes:
            return today in self.days and self.opens <= clock < self.closes
        yesterday = (today - 1) % 7
        return (today in self.days and clock >= self.opens) or (
            yesterday in self.days and clock < self.closes
        )

    def __str__(self) -> str:
        days = ",".join(WEEKDAYS[day] for day in self.days)
        return f"{days} {self.opens:%H:%M}-{self.closes:%H:%M} {self.zone.key}"
