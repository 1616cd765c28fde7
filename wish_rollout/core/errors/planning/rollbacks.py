"""Errors of a rollback that is refused before anything changes."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import (
    ConfigurationError,
    EnvironmentRefused,
)


@dataclass(eq=False)
class RollbackLosesRows(EnvironmentRefused):
    """A rollback would drop rows."""

    tables: str

    summary = "Rolling '{environment}' back would lose rows: {tables}."
    explanation = "A rollback must not lose rows that were inserted after the migration."
    hint = (
        "let the rollback archive them: rollback = {{ on_rows = \"archive\" }} for '{environment}' in rollout.toml; or save the "
        "rows and empty the table first, in agreement with their owners: pg_dump -a -t TABLE …"
    )


@dataclass(eq=False)
class InvalidRollbackTarget(ConfigurationError):
    """The target of a rollback is not an earlier revision than the database's."""

    environment: str
    position: str
    target: str

    summary = "'{environment}' cannot be rolled back from {position} to {target}: {target} is not an earlier revision."
    hint = "see the current revision: wish-rollout status"


@dataclass(eq=False)
class AmbiguousRollback(ConfigurationError):
    """A database is at several heads, and the rollback does not say which branch is to be taken back."""

    environment: str
    position: str

    summary = "'{environment}' is at {position}, and the rollback names no revision to which it leads."
    explanation = "Each of these is the head of a branch. Only what follows the named revision is taken back."
    hint = "name an earlier revision of the branch: wish-rollout rollback {environment} --to REVISION"


@dataclass(eq=False)
class AlreadyAtRevision(EnvironmentRefused):
    """The target of a rollback is the database's revision."""

    exit_code = 0
    position: str

    summary = "nothing to do: {environment} is at {position}"


@dataclass(eq=False)
class RevisionIrreversible(EnvironmentRefused):
    """A rollback would revert a revision whose downgrade cannot be used.

    ``instead``: a command that takes the schema back without the downgrade, and "or"; empty if there is none.
    """

    revision: str
    reason: str
    instead: str = ""

    summary = "Rolling '{environment}' back would revert {revision}, which cannot be reverted: {reason}."
    explanation = "The script declares it, or it was found when the downgrade was tried on a scratch database. Nothing was changed."
    hint = "{instead}write a revision that undoes the change, and roll it out: wish-rollout generate -m 'undo {revision}'"


@dataclass(eq=False)
class RollbackAcrossMerge(EnvironmentRefused):
    """A rollback would revert a merge revision."""

    merge: str
    parents: str

    summary = "Rolling '{environment}' back would revert {merge}, which merges {parents}."
    explanation = "Before a merge revision there are several heads, and the one to roll back to is unknown."
    hint = "write a revision that undoes the change, and roll it out: wish-rollout generate -m 'undo {merge}'"


@dataclass(eq=False)
class RollbackInterrupted(EnvironmentRefused):
    """A rollback was interrupted half done, and another command would change the database."""

    target: str
    drift: str

    summary = "A rollback of '{environment}' to {target} was interrupted half done: {drift}."
    explanation = "The schema is neither that of the revision before it nor that of its target."
    hint = (
        "complete it: wish-rollout rollback {environment} --to {target}; or take the database back: "
        "wish-rollout drift {environment} --sql"
    )


@dataclass(eq=False)
class RollbackChanged(EnvironmentRefused):
    """A rollback was interrupted half done, and its scripts were changed since then so that they do not lead on."""

    target: str
    difference: str

    summary = (
        "A rollback of '{environment}' to {target} was interrupted half done, and its scripts were changed since then. "
        "Rehearsed on a copy of its schema, they leave: {difference}."
    )
    explanation = "Statements that are finished are skipped. Nothing was changed."
    hint = (
        "let the downgrade allow for what is there, with IF NOT EXISTS or IF EXISTS, then: wish-rollout rollback "
        "{environment} --to {target}; or complete it with the SQL that leads to {target}: wish-rollout rollback {environment} "
        "--to {target} --by-remedy; or take the database back: wish-rollout drift {environment} --sql"
    )
