"""Sets the time limits of a session, and what the server does if the client is stopped or gone."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus

if TYPE_CHECKING:
    from wish_rollout.core.plan.budgets import Budget

SET_TIMEOUTS = """
select set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false),
       set_config('idle_in_transaction_session_timeout', %s, false)
"""
CLIENT_CHECKS = {
    "client_connection_check_interval": "500ms",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
}
"""While a statement runs, the server checks every 500 ms whether the client is still connected, and ends the session if
it is not (manual, 20.3.1 and 20.3.2)."""
SET_CLIENT_CHECKS = """
select pg_catalog.set_config(name, value, false) from unnest(%s::text[], %s::text[]) as checks (name, value)
where pg_catalog.current_setting(name, true) is not null
"""


def set_session_limits(connection: psycopg.Connection[Any], budget: Budget) -> None:
    """Set ``lock_timeout``, ``statement_timeout`` and ``idle_in_transaction_session_timeout`` of the session.

    Call it again after a rollback, which restores the previous values, and after what may change them. In a failed
    transaction it does nothing: there only ROLLBACK and ROLLBACK TO SAVEPOINT can be executed, and they do not wait for locks.
    """
    if connection.info.transaction_status == TransactionStatus.INERROR:
        return
    limits = (budget.lock_ms, budget.statement_ms, budget.idle_ms)
    connection.execute(SET_TIMEOUTS, [f"{milliseconds}ms" for milliseconds in limits])


def set_client_checks(connection: psycopg.Connection[Any]) -> None:
    """Let the server end the session soon after its client is gone. The session must be in autocommit.

    A setting that the server's platform does not support is left as it is.
    """
    try:
        connection.execute(SET_CLIENT_CHECKS, [list(CLIENT_CHECKS), list(CLIENT_CHECKS.values())])
    except psycopg.DataError:
        for each in CLIENT_CHECKS.items():
            with suppress(psycopg.DataError):
                connection.execute(SET_CLIENT_CHECKS, [[name] for name in each])
