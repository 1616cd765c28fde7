"""What the server answers instead, as errors of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from wish_rollout.core.errors.databases import DatabaseOperationRefused, TableLocked, DatabaseUnreachable

if TYPE_CHECKING:
    from wish_rollout.core.errors.base import RolloutError

LOCK_NOT_AVAILABLE = "55P03"


def refusal(error: psycopg.Error, source: str) -> RolloutError:
    """Turn any error of the driver into one that says what to do.

    ``source``: how the error calls the database. A session that was cut is Unreachable; a lock that could not be
    had in time is TableLocked; all else is DatabaseRefused, with its SQLSTATE (manual, appendix A).
    """
    reason = (error.diag.message_primary or str(error).strip().splitlines()[0]).strip()
    state = error.sqlstate or ""
    if isinstance(error, psycopg.OperationalError) and (not state or state.startswith(("08", "57"))):
        return DatabaseUnreachable(source, "its server", f"the session was cut: {reason}")
    if state == LOCK_NOT_AVAILABLE:
        return TableLocked(source)
    return DatabaseOperationRefused(source, state or "none", reason)
