"""Errors of statements that a server refused, stopped or did not finish."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import Refused, RolloutError


@dataclass(eq=False)
class StatementFailed(RolloutError):
    """The server reported an error for a statement of a revision."""

    environment: str
    revision: str
    sqlstate: str
    reason: str
    statement: str
    state: str

    summary = "Migrating '{environment}' failed in revision {revision}: {reason} (SQLSTATE {sqlstate})."
    explanation = "{state} The statement was: {statement}"
    hint = (
        "correct the revision's script (or the rows that it failed on), then: "
        "wish-rollout check && wish-rollout apply"
    )


@dataclass(eq=False)
class TableLocked(Refused):
    """Another session holds an ACCESS EXCLUSIVE lock on a table, so its definition cannot be read."""

    source: str

    summary = "A table of {source} is locked by another session and was not released in time."
    explanation = "Its schema cannot be read while it is locked, and a migration would wait for the same lock; nothing was changed."
    hint = (
        "wait, then run again; find the session: SELECT pid, relation::regclass, mode FROM pg_locks "
        "WHERE granted AND mode = 'AccessExclusiveLock'"
    )


@dataclass(eq=False)
class DatabaseOperationRefused(Refused):
    """The server reported an error for an operation of wish-rollout itself."""

    source: str
    sqlstate: str
    reason: str

    summary = "The database of {source} refuses: {reason} (SQLSTATE {sqlstate})."
    explanation = "The refused operation is necessary, so nothing further was done."
    hint = "grant the role the missing privilege, or read the server's log; see what a role needs: wish-rollout doctor"


@dataclass(eq=False)
class StatementFailedAfterCommit(StatementFailed):
    """A statement failed after the release had committed others. ``again``: the command that continues."""

    again: str

    explanation = (
        "What was committed before remains; wish_rollout.journal records each statement, and running again "
        "continues there. The statement was: {statement}"
    )
    hint = "correct the cause (rows, locks, the script), then continue: {again}"


@dataclass(eq=False)
class StatementTimeout(Refused):
    """The session's own ``statement_timeout`` ended a query that reads the schema."""

    source: str

    summary = (
        "The statement_timeout of the role or the database of {source} ended a query that reads its schema."
    )
    explanation = (
        "It is set by ALTER ROLE, ALTER DATABASE, the server's configuration or the URL. Migrations themselves have "
        "the limits under [environment.budgets]; nothing was changed."
    )
    hint = (
        "raise it for the role of the URL: ALTER ROLE … SET statement_timeout = '60s'; or in the URL: "
        "?options=-c%20statement_timeout%3D60s; see where it is set: SELECT source FROM pg_settings "
        "WHERE name = 'statement_timeout'"
    )


@dataclass(eq=False)
class ScratchRelationMissing(StatementFailed):
    """A replay from an empty database needs a table that no revision creates."""

    hint = (
        "if the table is older than the first revision, record the schema of a database that has it: "
        "wish-rollout init --baseline ENV; else correct the revision's script, then: wish-rollout check"
    )
