"""The policy's windows, across midnight and time zones."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wish_rollout.config import WindowConfig

SUMMER, WINTER = "2026-07-06", "2026-01-05"
"""Both are Mondays."""


@pytest.mark.parametrize(
    ("days", "hours", "zone", "moment", "holds"),
    [
        ("mon-thu", "09:00-16:00", "Europe/Berlin", f"{SUMMER}T07:00", True),
        ("mon-thu", "09:00-16:00", "Europe/Berlin", f"{SUMMER}T06:59", False),
        ("mon-thu", "09:00-16:00", "Europe/Berlin", f"{SUMMER}T14:00", False),
        ("mon-thu", "09:00-16:00", "Europe/Berlin", f"{WINTER}T08:00", True),
        ("mon-thu", "09:00-16:00", "Europe/Berlin", f"{WINTER}T07:30", False),
        ("sun", "22:00-02:00", "UTC", f"{WINTER}T01:59", True),
        ("sun", "22:00-02:00", "UTC", f"{WINTER}T02:00", False),
        ("mon", "22:00-02:00", "UTC", f"{WINTER}T01:59", False),
        ("fri-mon", "00:00-24:00", "UTC", f"{WINTER}T23:59", True),
        ("tue,thu", "00:00-24:00", "UTC", f"{WINTER}T12:00", False),
        ("mon", "00:00-24:00", "Pacific/Auckland", f"{WINTER}T12:00", False),
    ],
)
def test_a_window_holds_by_the_clock_on_its_own_wall(
    days: str, hours: str, zone: str, moment: str, holds: bool
) -> None:
    window = WindowConfig(days=days, hours=hours, zone=zone).window
    assert window.holds(datetime.fromisoformat(moment).replace(tzinfo=UTC)) is holds


@pytest.mark.parametrize(
    "wrong", [{"days": "mon-someday"}, {"hours": "9-16"}, {"hours": "25:00-26:00"}, {"zone": "Mars/Olympus"}]
)
def test_a_window_that_there_is_not_is_a_mistake(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        WindowConfig(**wrong)
