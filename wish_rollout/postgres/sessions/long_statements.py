"""A session whose statements may take long: the server limits them, and ends them if this process is gone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from wish_rollout.postgres.sessions.session_limits import set_client_checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.postgres.sessions.bounded_connection import BoundedConnection

SPARE_SECONDS = 60
"""So much later than the server's own limit, no answer is expected any more."""


@contextmanager
def long_statements(connection: BoundedConnection, milliseconds: int) -> Iterator[None]:
    """Let statements of an autocommit session take so long (``statement_timeout``) while the block runs."""
    before = connection.reason_to_give_up
    most = milliseconds / 1000 + SPARE_SECONDS
    connection.reason_to_give_up = lambda seconds: (
        f"the server has not answered for {seconds:.0f} s" if seconds > most else ""
    )
    set_client_checks(connection)
    connection.execute(f"set statement_timeout = {milliseconds:d}")
    try:
        yield
    finally:
        connection.reason_to_give_up = before
        if not connection.closed:
            connection.execute("reset statement_timeout")
