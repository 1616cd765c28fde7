"""A connection that does not wait for ever for a server that does not answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

ANSWER_SECONDS = 120.0
"""How long a statement may take that nobody watches, such as a query of the catalog."""


def give_up_after_limit(seconds: float) -> str:
    """Return why no answer is expected any more after ``seconds``, or "" if one may still come."""
    return f"the server has not answered for {seconds:.0f} s" if seconds > ANSWER_SECONDS else ""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when its answer cannot be expected any more.

    A proxy or a kernel may accept packets for a server that is gone, so TCP's own timeouts do not help.
    ``reason_to_give_up``: called every 100 ms with the seconds since the statement was sent; returns the reason, or "".
    """

    reason_to_give_up: Callable[[float], str] = staticmethod(lambda _seconds: "")

    def wait(self, gen: Any, *limits: Any, **named: Any) -> Any:
        """Wait as psycopg does. Raises psycopg.OperationalError if there is a reason to give up.

        ``limits``, ``named``: the interval, and since psycopg 3.3 a timeout.
        """
        return super().wait(self._guarded(gen), *limits, **named)

    def _guarded(self, gen: Any) -> Generator[Any, Any, Any]:
        started = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and (reason := self.reason_to_give_up(time.monotonic() - started)):
                    self.pgconn.finish()
                    raise psycopg.OperationalError(reason)
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value
