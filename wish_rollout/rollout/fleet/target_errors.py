"""Errors of the work on targets, as JSON values can describe them."""

from __future__ import annotations

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.databases import DatabaseUnreachable, RolloutLockHeld
from wish_rollout.core.errors.hazards import (
    BlockedSessions,
    BlockingTransactionsOpen,
    LocksUnavailable,
    WatchdogMissing,
)
from wish_rollout.core.errors.statements import TableLocked
from wish_rollout.core.fleet.results import TargetError
from wish_rollout.core.text.redaction import escape_to_one_line, redact

RETRYABLE = (
    BlockedSessions,
    BlockingTransactionsOpen,
    DatabaseUnreachable,
    LocksUnavailable,
    RolloutLockHeld,
    TableLocked,
    WatchdogMissing,
)
"""Errors whose cause may have gone a little later."""


def describe_error(error: Exception) -> TargetError:
    """Return the error as JSON values can describe it, without passwords."""
    if isinstance(error, RolloutError):
        text = escape_to_one_line(error.fill(error.summary))
        hint = error.fill(error.hint)
        return TargetError(type(error).__name__, text, hint, error.exit_code, isinstance(error, RETRYABLE))
    return TargetError(type(error).__name__, escape_to_one_line(redact(str(error).strip()))[:2000])
