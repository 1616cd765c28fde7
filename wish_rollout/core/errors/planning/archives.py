"""Errors about the archive of a rollback and its restoration."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, EnvironmentRefused, VerificationFailed


@dataclass(eq=False)
class ArchiveNotWritable(EnvironmentRefused):
    """The archive schema cannot be used by the migrating role."""

    reason: str
    command: str

    summary = "Nothing can be archived in '{environment}': {reason}."
    explanation = (
        "A rollback archives the rows that it would destroy, where only the migrating role can read them. "
        "Nothing was changed."
    )
    hint = "as the administrator of the database: {command}"


@dataclass(eq=False)
class ArchiveNeedsKey(EnvironmentRefused):
    """Values would be lost whose rows cannot be identified later."""

    lost: str

    summary = "The rollback of '{environment}' cannot archive the {lost}: its table has no key that the rollback keeps."
    explanation = (
        "Archived values are put back into the rows with the same key; a key of a table with child tables (INHERITS) does "
        "not identify their rows. Nothing was changed."
    )
    hint = "add a primary key in a revision and run: wish-rollout apply; or save the values yourself, and set the column to NULL"


@dataclass(eq=False)
class ArchiveNeedsReadCommitted(EnvironmentRefused):
    """The scripts of a rollback run in a transaction whose snapshot is older than its locks."""

    level: str

    summary = "The downgrades of '{environment}' run in a transaction with the isolation level {level}."
    explanation = (
        "Its snapshot is older than its locks, so that rows that other sessions have written until then would be lost "
        "without an archive (manual, 13.2). Everything was rolled back."
    )
    hint = (
        "remove isolation_level from the engine in env.py, and SET TRANSACTION from the scripts, then: "
        "wish-rollout rollback {environment}"
    )


@dataclass(eq=False)
class ArchiveOfOtherEnvironment(ConfigurationError):
    """An archive was made when the database belonged to another environment, or is in a copy of its database."""

    environment: str
    archive: int
    owner: str

    summary = (
        "Archive {archive} was made by a rollback of '{owner}', and is not restored into '{environment}'."
    )
    explanation = (
        "The database of '{environment}' contains it: it is a copy of the other one, or was the other environment's. "
        "Nothing was changed."
    )
    hint = "see the archives of '{environment}': wish-rollout archives {environment}"


@dataclass(eq=False)
class ArchiveOpenElsewhere(EnvironmentRefused):
    """A database contains the archive of a rollback of another environment that was interrupted."""

    archive: int
    owner: str

    summary = "The database of '{environment}' contains archive {archive} of a rollback of '{owner}' that was interrupted."
    explanation = (
        "It is a copy of the database of '{owner}', or was that database: what '{owner}' has archived is not continued for "
        "'{environment}' unasked. Nothing was changed."
    )
    hint = (
        "if '{environment}' is to have that archive: UPDATE wish_rollout_archive.archives SET environment = '{environment}' "
        "WHERE number = {archive}; then: wish-rollout rollback {environment}"
    )


@dataclass(eq=False)
class UnknownArchive(ConfigurationError):
    """The archive does not exist."""

    environment: str
    archive: int
    known: str

    summary = "'{environment}' has no archive {archive}; its archives are: {known}."
    hint = "wish-rollout archives {environment}"


@dataclass(eq=False)
class ReleaseNotApplied(EnvironmentRefused):
    """An archive is to be restored before its release is applied again."""

    archive: int
    position: str
    start: str

    summary = "Archive {archive} of '{environment}' cannot be restored at revision {position}: it was made at {start}."
    explanation = (
        "The tables and columns of its rows exist only at that revision and later. Nothing was changed."
    )
    hint = "apply the release and restore: wish-rollout apply --restore"


@dataclass(eq=False)
class ArchiveUnfinished(EnvironmentRefused):
    """The rollback that writes an archive was interrupted."""

    archive: int
    end: str

    summary = "Archive {archive} of '{environment}' is not complete: its rollback was interrupted."
    explanation = "It contains what the rollback would have lost so far. Nothing was changed."
    hint = "complete the rollback: wish-rollout rollback {environment} --to {end}"


@dataclass(eq=False)
class ArchiveAltered(VerificationFailed):
    """The rows of an archive are not those that were archived."""

    environment: str
    archive: int
    what: str

    summary = "Archive {archive} of '{environment}' is not what the rollback archived: {what}."
    explanation = "Its rows were changed or removed since then, so none of them was restored."
    hint = (
        "compare with a backup of the database; what was archived: wish-rollout archives {environment} --json"
    )


@dataclass(eq=False)
class RestoreFailed(EnvironmentRefused):
    """The database refused the restored rows."""

    archive: int
    table: str
    reason: str

    summary = "Archive {archive} of '{environment}' cannot be restored into {table}: {reason}."
    explanation = "Everything was rolled back; the archive is as it was."
    hint = "correct the table, or the rows that conflict; then: wish-rollout restore {environment} {archive}"


@dataclass(eq=False)
class ArchiveNotKeptLongEnough(EnvironmentRefused):
    """An archive of a gated environment would be deleted before the time that was approved."""

    archive: int
    keep: str

    summary = "Archive {archive} of '{environment}' is kept for {keep}, as its rollback was approved."
    explanation = "'{environment}' is gated: an archive that was approved to be kept is not deleted earlier."
    hint = "wait, or restore it: wish-rollout restore {environment} {archive}"
