"""Sets the lock timeout and the statement timeout of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.pq import TransactionStatus

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.core.plan.budgets import Budget

SET_TIMEOUTS = "select set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)"


def set_session_limits(connection: psycopg.Connection[Any], budget: Budget) -> None:
    """Set ``lock_timeout`` and ``statement_timeout`` of the session.

    Call it before each statement, because a rollback restores the previous values. In a failed transaction it does
    nothing: there only ROLLBACK and ROLLBACK TO SAVEPOINT can be executed, and they do not wait for locks.
    """
    if connection.info.transaction_status == TransactionStatus.INERROR:
        return
    connection.execute(SET_TIMEOUTS, [f"{budget.lock_ms}ms", f"{budget.statement_ms}ms"])
