"""The watchdog process's side of its standard input: lines of the worker, awaited for a limited time."""

from __future__ import annotations

import os
import select
import sys
import time


class WorkerInput:
    """The lines that the worker writes. ``has_ended``: the worker has closed its side, or was killed."""

    def __init__(self) -> None:
        self.has_ended = False
        self._lines: list[bytes] = []
        self._unread = b""

    def next_line(self) -> bytes | None:
        """Wait for the next line and return it; None if there is none any more."""
        while not self._lines and not self.has_ended:
            self._receive(None)
        return self._lines.pop(0) if self._lines else None

    def line_within(self, seconds: float) -> bytes | None:
        """Return the next line if it has arrived, or arrives within some seconds, else None."""
        if not self._lines and self.has_ended:
            time.sleep(seconds)
        elif not self._lines:
            self._receive(seconds)
        return self._lines.pop(0) if self._lines else None

    def _receive(self, seconds: float | None) -> None:
        if not select.select([sys.stdin], [], [], seconds)[0]:
            return
        data = os.read(sys.stdin.fileno(), 1 << 16)
        self.has_ended = not data
        *lines, self._unread = (self._unread + data).split(b"\n")
        self._lines += lines
