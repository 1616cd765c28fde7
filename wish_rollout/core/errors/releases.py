"""Errors of the Alembic scripts, their history and the release's record in ``meta/``."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, FileError, Refused, RolloutError

SCRIPTS_UNREADABLE = "The Alembic scripts in {path} cannot be read: {reason}."
NO_RELEASE = "A release is read from its scripts, so there is no release."


@dataclass(eq=False)
class ForeignRevision(Refused):
    """A revision that these scripts do not have."""

    revision: str
    head: str

    summary = (
        "The database is at revision '{revision}', which this release does not contain (its head is {head})."
    )
    explanation = (
        "A newer release, or another project's, was applied there; the effect of a migration is unknown."
    )
    hint = "check out the release that has {revision}; see the environments: wish-rollout status"


@dataclass(eq=False)
class ForeignEnvironment(ForeignRevision):
    """An environment's version table names a revision that these scripts do not have."""

    environment: str

    summary = "'{environment}' is at revision '{revision}', which this release does not contain (its head is {head})."
    explanation = "A newer release or another project's was applied there, or the history was replaced."
    hint = (
        "check out the release that has {revision}; if the history was squashed, or the row is wrong: "
        "wish-rollout apply --adopt {environment}"
    )


@dataclass(eq=False)
class UnknownRevision(ConfigurationError):
    """A revision on the command line that these scripts do not have."""

    revision: str
    known: str

    summary = "There is no revision '{revision}' in this release."
    explanation = "Its revisions, from base to head: {known}."
    hint = "name one of these revisions, or base"


class ScriptFolderUnreadable(FileError):
    """The script folder is missing, or Alembic cannot read it."""

    summary = SCRIPTS_UNREADABLE
    explanation = NO_RELEASE
    hint = "correct [release] migrations in rollout.toml; create a new folder: alembic init {path}"


@dataclass(eq=False)
class ScriptUnreadable(FileError):
    """A script cannot be loaded, or names a parent revision that does not exist."""

    place: str

    summary = "The Alembic scripts in {path} cannot be read: {reason}{place}."
    explanation = "Alembic loads all scripts before it runs one, so the release cannot be rolled out."
    hint = "correct that script, or restore the missing one; then: wish-rollout check"


@dataclass(eq=False)
class MultipleHeads(ConfigurationError):
    """The scripts have several heads."""

    heads: str

    summary = "The scripts have more than one head: {heads}."
    explanation = "The head to which a database is to be migrated is unknown."
    hint = (
        "merge them: alembic merge -m 'merge' {heads}; if the branches are to stay apart, "
        'in rollout.toml: [release] heads = ["heads"] for all of them, or ["LABEL@head"] for those that databases are to have'
    )


@dataclass(eq=False)
class ScriptEdited(Refused):
    """The digest of a script is not the recorded one."""

    revision: str
    path: str
    recorded: str
    found: str

    summary = "The script of revision {revision} ({path}) was edited: its SHA-256 is {found:.12}…, recorded {recorded:.12}…."
    explanation = "Databases that have applied it have the schema of the old text; one revision ID must not have two meanings."
    hint = (
        "git checkout -- {path}, then write a new revision; if it was not applied anywhere yet: "
        "wish-rollout generate --record"
    )


class InvalidReleaseRecord(FileError):
    """``meta/_journal.json`` or a snapshot in ``meta/`` is unreadable, or they contradict each other."""

    summary = "The release's record {path} cannot be used: {reason}."
    explanation = "The promised schema of each revision is read from it."
    hint = (
        "restore it from version control, or write it again from the scripts: wish-rollout generate --record"
    )


@dataclass(eq=False)
class ScriptFailed(RolloutError):
    """A revision's script, or env.py, raised an exception."""

    revision: str
    reason: str
    state: str

    summary = "The script of revision {revision} raised: {reason}."
    explanation = "{state}"
    hint = "see the traceback with --debug; correct the script, then: wish-rollout check"


class EnvFailed(ScriptFailed):
    """env.py raised an exception before any revision ran."""

    summary = "env.py raised: {reason}."
    hint = (
        "see the traceback with --debug; set the variables and files that env.py reads, as for alembic (nothing is sent to "
        "an address in them); if the application sets options, attributes or settings that env.py needs, name the function "
        "that returns its Alembic Config, in rollout.toml: "
        '[release] alembic_config = "module:function"; then: wish-rollout check'
    )


@dataclass(eq=False)
class ModelsNotCreated(ConfigurationError):
    """PostgreSQL or SQLAlchemy refuses to create the tables that the models declare."""

    models: str
    reason: str

    summary = "The models {models} cannot be created on PostgreSQL: {reason}."
    explanation = (
        "They are created on a scratch database, to compare what they declare with the result of the scripts."
    )
    hint = (
        "correct the models; or, if they are not made for PostgreSQL, remove the line models from rollout.toml; then: "
        "wish-rollout check; --debug shows the traceback"
    )


@dataclass(eq=False)
class VersionTableMismatch(ConfigurationError):
    """env.py and rollout.toml name different version tables."""

    configured: str
    found: str

    summary = "env.py uses the version table {found}, and rollout.toml says {configured}."
    explanation = "The revision of a database could not be read."
    hint = 'in rollout.toml: [release] version_table = "{found}"'


@dataclass(eq=False)
class RevisionNotWritten(FileError):
    """Alembic could not write a new revision: its template, its folder or a hook cannot be used."""

    message: str

    summary = "The revision '{message}' was not written from the template {path}: {reason}."
    explanation = "Alembic fills this template in to write a script; no file was changed."
    hint = (
        "restore the template from version control, or copy the script.py.mako of a new folder: alembic init FOLDER; "
        "then run the same command again"
    )


@dataclass(eq=False)
class NothingToGenerate(RolloutError):
    """The models and the scripts declare the same schema."""

    exit_code = 0
    models: str

    summary = "Nothing to generate: {models} declares exactly the schema of the scripts."


@dataclass(eq=False)
class UnknownHeads(ConfigurationError):
    """``[release] heads`` in rollout.toml names a revision or a branch that the scripts do not have."""

    heads: str
    reason: str

    summary = "[release] heads = {heads} in rollout.toml cannot be resolved: {reason}."
    explanation = "The revisions that a database is to be migrated to are unknown."
    hint = "name revisions, or branches as LABEL@head, or all heads as heads; list them: alembic heads"
