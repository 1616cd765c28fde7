"""Reports every few seconds which statement of a migration runs, since when, and what it waits for."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from wish_rollout.core.text.redaction import escape_unprintable, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERY_SECONDS = 5.0
LONGEST_TEXT = 100
PREFIX = "progress: "
"""Log lines that begin with this are shown on the terminal as well."""


class Progress:
    """What a migration does at the moment.

    ``report`` is called with each line, always from another thread: while a script runs, this one may use no other
    database than the script's. ``read_waits``: returns which sessions the current
    statement waits for, or ""; ``blockers`` replaces its result while it is not empty.
    """

    def __init__(
        self, environment: str, report: Callable[[str], None], read_waits: Callable[[], str]
    ) -> None:
        self.environment = environment
        self.report = report
        self.read_waits = read_waits
        self.blockers = ""
        self._activity = ""
        self._since = 0.0
        self._lines: SimpleQueue[str | None] = SimpleQueue()

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Report while the block runs."""
        thread = threading.Thread(target=self._run, daemon=True, name="progress")
        thread.start()
        try:
            yield
        finally:
            self._lines.put(None)
            thread.join(EVERY_SECONDS)

    @contextmanager
    def statement(self, revision: str, number: int, total: int, text: str) -> Iterator[None]:
        """Note that a statement runs while the block runs. ``total``: 0 if it is not known."""
        of_total = f" of {total}" if total >= number else ""
        words = escape_unprintable(" ".join(redact(text).split()))
        shortened = words if len(words) <= LONGEST_TEXT else f"{words[:LONGEST_TEXT]} …"
        with self.activity(f"statement {number}{of_total} (revision {revision}): {shortened}"):
            yield

    @contextmanager
    def activity(self, text: str) -> Iterator[None]:
        """Note what is done while the block runs."""
        before = self._activity, self._since
        self._activity, self._since = text, time.monotonic()
        try:
            yield
        finally:
            self._activity, self._since = before

    def note(self, text: str) -> None:
        """Report a line now."""
        self._lines.put(text)

    def line(self) -> str:
        """Return what is done now, since when, and what it waits for; "" if nothing is done."""
        activity, since = self._activity, self._since
        if not activity:
            return ""
        waits = self.blockers or self.read_waits()
        waiting = f"; it waits for {waits}" if waits else ""
        return f"for {time.monotonic() - since:.0f} s, {activity}{waiting}"

    def _run(self) -> None:
        while True:
            try:
                text = self._lines.get(timeout=EVERY_SECONDS)
            except Empty:
                text = self.line()
            if text is None:
                return
            if text:
                self.report(f"{PREFIX}{self.environment}: {text}")
