"""Setting a session's limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.pq import TransactionStatus

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.core.plan.budgets import Budget

SET = "select set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)"


def limit(connection: psycopg.Connection[Any], budget: Budget) -> None:
    """Limit every statement from here on; a rollback takes that back, so it is set before each.

    In a transaction that has failed nothing runs but going back to a savepoint, which waits for nobody.
    """
    if connection.info.transaction_status == TransactionStatus.INERROR:
        return
    connection.execute(SET, [f"{budget.lock_ms}ms", f"{budget.statement_ms}ms"])
