"""The progress of a rollout to a fleet in one line: how many targets are done, the rate, and the time left."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

WIDTH = 20


@dataclass
class RolloutRate:
    """The progress of a rollout. ``total``: the number of targets."""

    environment: str
    total: int
    finished: int = 0
    failed: int = 0
    started: float = field(default_factory=time.monotonic)

    def count(self, *, has_failed: bool) -> str:
        """Count a target, and return the progress."""
        self.finished += 1
        self.failed += has_failed
        return self.line(time.monotonic() - self.started)

    def line(self, seconds: float) -> str:
        """Return the progress after so many seconds of work."""
        rate = self.finished / max(seconds, 0.001)
        left = (self.total - self.finished) / rate if rate else 0
        bar = "█" * (WIDTH * self.finished // self.total)
        failed = f", {self.failed} failed" if self.failed else ""
        return (
            f"{self.environment}: {bar:░<{WIDTH}} {self.finished} of {self.total} targets{failed}, {rate:.1f} a second, "
            f"{describe_seconds(left)} left"
        )


def describe_seconds(seconds: float) -> str:
    """Return a duration in seconds, minutes and seconds, or hours and minutes."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
    )
