"""Converts errors of the server to errors of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from wish_rollout.core.errors.databases import DatabaseUnreachable
from wish_rollout.core.errors.statements import DatabaseOperationRefused, StatementTimeout, TableLocked

if TYPE_CHECKING:
    from wish_rollout.core.errors.base import RolloutError

LOCK_NOT_AVAILABLE, QUERY_CANCELED = "55P03", "57014"


def is_connection_lost(error: psycopg.Error) -> bool:
    """Return whether an error means that the session ended (manual, appendix A: classes 08 and 57)."""
    state = error.sqlstate or ""
    is_loss = state != QUERY_CANCELED and (not state or state.startswith(("08", "57")))
    return isinstance(error, psycopg.OperationalError) and is_loss


def as_rollout_error(error: psycopg.Error, source: str) -> RolloutError:
    """Return the error of this package for an error of psycopg.

    ``source``: the name of the database in the error. A lost connection becomes ``DatabaseUnreachable``, an expired
    ``lock_timeout`` becomes ``TableLocked``, and any other error becomes ``DatabaseOperationRefused`` with its
    SQLSTATE (manual, appendix A).
    """
    reason = (error.diag.message_primary or str(error).strip().splitlines()[0]).strip()
    state = error.sqlstate or ""
    if is_connection_lost(error):
        return DatabaseUnreachable(source, "its server", f"the connection was lost: {reason}")
    if state == QUERY_CANCELED and "statement timeout" in str(error):
        return StatementTimeout(source)
    if state == LOCK_NOT_AVAILABLE:
        return TableLocked(source)
    return DatabaseOperationRefused(source, state or "none", reason)
