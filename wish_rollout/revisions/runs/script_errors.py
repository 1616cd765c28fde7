"""What a failed script means, in our terms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa
from alembic.util.exc import CommandError

from wish_rollout.core.errors.releases import EnvFailed, ScriptFailed
from wish_rollout.core.errors.statements import DatabaseOperationRefused, StatementFailed
from wish_rollout.core.errors.version_tables import RevisionIdTooLong
from wish_rollout.core.text.exception_text import describe_exception, one_line
from wish_rollout.revisions.statements.internal_statements import NAME

if TYPE_CHECKING:
    from wish_rollout.core.errors.base import RolloutError
    from wish_rollout.revisions.statements.applied_revisions import Applied


ENV = "(env.py)"
"""Stands for the revision in an error of env.py itself."""
TOO_LONG = "22001"
"""string_data_right_truncation."""
VERSION_TEXT = re.compile(rf"(?:INSERT INTO|UPDATE) {NAME} (?:\(version_num\)|SET version_num=)")


def explained(error: Exception | SystemExit, applied: Applied, environment: str) -> RolloutError:
    """Say which revision failed and why, in our terms."""
    if interrupt := find_interrupt(error):
        raise interrupt
    revision = applied.revisions[-1] if applied.revisions else ENV
    error = first_refusal(error)
    origin = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(origin, psycopg.Error):
        statement = " ".join(str(getattr(error, "statement", None) or "").split())
        is_id = origin.sqlstate == TOO_LONG and VERSION_TEXT.match(statement)
        return (RevisionIdTooLong if is_id else StatementFailed)(
            environment,
            revision,
            origin.sqlstate or "none",
            one_line(origin.diag.message_primary or str(origin)),
            statement if len(statement) < 500 else statement[:500] + " …",
            applied.state(environment),
        )
    if isinstance(error, psycopg.Error):  # what one of our own checks met in the migration's transaction
        reason = (error.diag.message_primary or str(error)).strip()
        return DatabaseOperationRefused(environment, error.sqlstate or "none", reason)
    reason = one_line(str(error)) if isinstance(error, CommandError) else describe_exception(error)
    return (EnvFailed if revision == ENV else ScriptFailed)(revision, reason, applied.state(environment))


def find_interrupt(error: BaseException) -> BaseException | None:
    """Return the interrupt (Ctrl-C, or the run was cancelled) during which an error was raised, or None.

    Leaving ``autocommit_block()`` on a session that was cancelled raises an error, which would hide the interrupt.
    """
    context = error.__context__
    while context is not None and isinstance(context, Exception):
        context = context.__context__
    return context


def first_refusal(error: Exception | SystemExit) -> Exception | SystemExit:
    """Find what the database said first: leaving a block on a lost session raises an error of its own on top."""
    found: Exception | SystemExit = error
    seen = error.__context__
    while seen is not None:
        if isinstance(seen, sa.exc.DBAPIError) and isinstance(seen.orig, psycopg.Error):
            found = seen
        seen = seen.__context__
    return found if not isinstance(error, sa.exc.DBAPIError) else error
