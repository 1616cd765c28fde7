"""Errors after which a migration may be tried again."""

from __future__ import annotations

from wish_rollout.core.errors.hazards import BlockedSessions, LocksUnavailable
from wish_rollout.core.errors.statements import StatementFailed

Retryable = StatementFailed | BlockedSessions | LocksUnavailable
LOCK_NOT_AVAILABLE, DEADLOCK, CANCELED, TERMINATED = "55P03", "40P01", "57014", "57P01"


def only_lacks_lock(error: Retryable) -> bool:
    """Whether an attempt only did not get a lock, so that it made no session wait for its work."""
    return isinstance(error, LocksUnavailable) or (
        isinstance(error, StatementFailed) and error.sqlstate in (LOCK_NOT_AVAILABLE, DEADLOCK)
    )


def is_cancelled(error: Retryable) -> bool:
    """Whether another session has cancelled the statement or terminated the session."""
    return isinstance(error, StatementFailed) and error.sqlstate in (CANCELED, TERMINATED)
