"""The watchdog's connection: a session whose every answer is awaited for a limited time."""

from __future__ import annotations

import time
from typing import Any

import psycopg

CONNECT_SECONDS = 5


ANSWER_SECONDS = 5


NO_ANSWER = f"the server does not answer within {ANSWER_SECONDS} s"
"""How long the server may take to answer a query of the watchdog."""


class AnsweringConnection(psycopg.Connection[Any]):
    """A connection that is closed if the server does not answer in time, although the network accepts its packets."""

    def wait(self, gen: Any, *limits: Any, **named: Any) -> Any:
        """Wait as psycopg does, for at most ANSWER_SECONDS. Raises psycopg.OperationalError.

        ``limits``, ``named``: the interval, and since psycopg 3.3 a timeout.
        """

        def limited() -> Any:
            deadline = time.monotonic() + ANSWER_SECONDS + 1
            try:
                wanted = next(gen)
                while True:
                    ready = yield wanted
                    if not ready and time.monotonic() > deadline:
                        self.pgconn.finish()
                        raise psycopg.OperationalError(NO_ANSWER)
                    wanted = gen.send(ready)
            except StopIteration as end:
                return end.value

        return super().wait(limited(), *limits, **named)
