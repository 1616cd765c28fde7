"""What can be wrong with the scripts, their history and their journal."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, Refused, RolloutError


@dataclass(eq=False)
class ForeignRevision(Refused):
    """The database is at a revision that these scripts do not have."""

    revision: str
    head: str
    environment: str = "the database"

    summary = (
        "{environment} is at revision '{revision}', which this release does not know (its head is {head})."
    )
    explanation = (
        "A newer release, or another project's, was applied there; what migrating would do to it is unknown."
    )
    hint = "check out the release that holds {revision}; if the row itself is wrong: SELECT * FROM alembic_version"


@dataclass(eq=False)
class UnknownRevision(ConfigurationError):
    """A revision named on the command line that these scripts do not have."""

    revision: str
    known: str

    summary = "There is no revision '{revision}' in this release."
    explanation = "It has, from base to head: {known}."
    hint = "name one of those, or base"


@dataclass(eq=False)
class ScriptFolderUnreadable(ConfigurationError):
    """The script folder is missing, or Alembic cannot read it."""

    path: str
    reason: str

    summary = "The Alembic scripts in {path} cannot be read: {reason}."
    explanation = "A release is read off its scripts, so there is none."
    hint = "correct [release] migrations in rollout.toml; a new folder is made by: alembic init {path}"


@dataclass(eq=False)
class ScriptUnreadable(ConfigurationError):
    """A script does not load, or names a parent that is not there."""

    path: str
    reason: str
    place: str

    summary = "The Alembic scripts in {path} cannot be read: {reason}{place}."
    explanation = "A release is read off its scripts, so there is none."
    hint = "mend that script, or fetch the one that is missing; then: wish-rollout check"


@dataclass(eq=False)
class MultipleHeads(ConfigurationError):
    """Two branches that nothing merges."""

    heads: str

    summary = "The scripts have more than one head: {heads}."
    explanation = "Which of them a database is to be taken to cannot be known."
    hint = "join them: alembic merge -m 'merge' {heads}"


@dataclass(eq=False)
class ScriptEdited(Refused):
    """A script's bytes are not those that the journal recorded."""

    revision: str
    path: str
    recorded: str
    found: str

    summary = "The script of revision {revision} ({path}) was edited: its SHA-256 is {found:.12}…, recorded {recorded:.12}…."
    explanation = "Where it was applied already, the schema is what the old text made; the same number must not mean two things."
    hint = "git checkout -- {path}, then write a new revision; if it was applied nowhere yet: wish-rollout generate --record"


@dataclass(eq=False)
class InvalidReleaseRecord(ConfigurationError):
    """``meta/_journal.json`` or a snapshot in ``meta/`` cannot be read, or they contradict each other."""

    path: str
    reason: str

    summary = "The release's record {path} cannot be used: {reason}."
    explanation = "What each revision promises is read from it."
    hint = (
        "restore it from version control, or write it anew from the scripts: wish-rollout generate --record"
    )


@dataclass(eq=False)
class ScriptFailed(RolloutError):
    """A revision's script, or env.py, raised."""

    revision: str
    reason: str
    state: str

    summary = "The script of revision {revision} raised: {reason}."
    explanation = "{state}"
    hint = "see the traceback with --debug; mend the script, then: wish-rollout check"


@dataclass(eq=False)
class VersionTableMismatch(ConfigurationError):
    """env.py keeps its revisions in another table than rollout.toml says."""

    configured: str
    found: str

    summary = "env.py keeps its revisions in the table {found}, and rollout.toml says {configured}."
    explanation = "Where a database is could not be read."
    hint = 'in rollout.toml: [release] version_table = "{found}"'


@dataclass(eq=False)
class NothingToGenerate(RolloutError):
    """The declared schema and the scripts lead to the same schema."""

    exit_code = 0
    models: str

    summary = "Nothing to generate: {models} declares exactly the schema that the scripts lead to."
