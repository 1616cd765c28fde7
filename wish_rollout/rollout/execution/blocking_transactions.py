"""Waiting for long transactions that would block a migration, before its first statement."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wish_rollout.core.errors.hazards import BlockingTransactionsOpen
from wish_rollout.core.hazards.touched_tables import locked
from wish_rollout.core.plan.budgets import is_concurrent
from wish_rollout.postgres.execution.blocker_forecast import find_blocking_transactions

if TYPE_CHECKING:
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.execution.attempts import Execution

POLL_SECONDS = 0.5


def wait_for_blocking_transactions(execution: Execution, plan: EnvironmentPlan) -> None:
    """Wait until no long transaction blocks the plan's statements. Raises BlockingTransactionsOpen, which names them."""
    budgets, progress = execution.budgets, execution.progress
    concurrent = any(is_concurrent(text) for text in plan.statements)
    tables = locked(plan.statements, plan.promised)
    started = time.monotonic()
    with progress.activity("waiting for transactions to end"):
        while found := find_blocking_transactions(
            execution.connection, tables, budgets.old_ms, concurrent=concurrent
        ):
            waited, progress.blockers = time.monotonic() - started, "; ".join(map(str, found))
            if waited >= budgets.quiet_for:
                raise BlockingTransactionsOpen(execution.target.name, waited, progress.blockers)
            time.sleep(min(POLL_SECONDS, budgets.quiet_for - waited))
    progress.blockers = ""
