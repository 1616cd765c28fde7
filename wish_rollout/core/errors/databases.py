"""What a database can answer instead of what we asked."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, Refused, RolloutError


@dataclass(eq=False)
class DatabaseMissing(ConfigurationError):
    """The server answers, and has no such database."""

    source: str
    database: str
    server: str

    summary = "The database '{database}' that {source} names does not exist on {server}."
    explanation = "Migrating would not create it, and a name misspelt is the likelier reason."
    hint = "correct {source}, or create it: createdb -h HOST -U USER {database}"


@dataclass(eq=False)
class DatabaseUnreachable(RolloutError):
    """No answer from the server, or none that lets us in."""

    source: str
    server: str
    reason: str

    summary = "The database of {source} at {server} cannot be reached: {reason}."
    explanation = "Nothing was read and nothing was changed."
    hint = "see whether the server is up and lets you in: pg_isready -h HOST -p PORT; wish-rollout doctor"


@dataclass(eq=False)
class LoginRefused(RolloutError):
    """The server answers and refuses the role."""

    source: str
    server: str
    role: str

    summary = "The server {server} of {source} refuses the role '{role}'."
    explanation = (
        "The password is wrong, the role does not exist or may not log in, or pg_hba.conf has no line for it."
    )
    hint = 'try the same URL by hand: psql "$' + '{source}"'


@dataclass(eq=False)
class ReadOnlyDatabase(Refused):
    """A replica, or a session or database set to read-only."""

    environment: str
    reason: str

    summary = "The database of '{environment}' cannot be written to: {reason}."
    explanation = "A migration would fail at its first statement, after other environments had been migrated."
    hint = (
        "point the URL at the primary (target_session_attrs=read-write), or: "
        "ALTER ROLE … (or DATABASE …) RESET default_transaction_read_only"
    )


@dataclass(eq=False)
class CreatePrivilegeMissing(Refused):
    """The role has no right to create objects."""

    environment: str
    role: str
    place: str

    summary = "The role '{role}' may not create objects in {place} of '{environment}'."
    explanation = "A migration would fail at its first CREATE, after other environments had been migrated."
    hint = "as its owner: GRANT USAGE, CREATE ON {place} TO {role}"


@dataclass(eq=False)
class SchemaMissing(Refused):
    """The release creates objects in a schema that nobody has made."""

    environment: str
    schema: str
    role: str

    summary = "The schema {schema}, in which the release creates objects, does not exist in '{environment}'."
    explanation = "No revision creates it, so it has to be there before."
    hint = "CREATE SCHEMA {schema} AUTHORIZATION {role}; or let a revision create it"


@dataclass(eq=False)
class RolloutLockHeld(Refused):
    """Another rollout is at work on this database."""

    environment: str
    waited: float
    holder: str

    summary = "Another rollout is at work on '{environment}': {holder}; waited {waited:.0f} s."
    explanation = "Two migrations of one database at once can leave it half of each, so only one may run."
    hint = "wait for it to end and run again; its lock ends with its session, so nothing is ever left locked"


@dataclass(eq=False)
class StatementFailed(RolloutError):
    """The database refused a statement of a revision."""

    environment: str
    revision: str
    sqlstate: str
    reason: str
    statement: str
    state: str

    summary = "Migrating '{environment}' failed in revision {revision}: {reason} (SQLSTATE {sqlstate})."
    explanation = "{state} The statement was: {statement}"
    hint = (
        "mend the revision's script (or the data that it met), then: wish-rollout check && wish-rollout apply"
    )


@dataclass(eq=False)
class RunInterrupted(RolloutError):
    """Somebody cancelled the run, or pressed Ctrl-C."""

    summary = "The run was interrupted."
    explanation = "What ran in a transaction is rolled back; what was committed before stands."
    hint = "where each environment stands: wish-rollout status; the same command again goes on"


@dataclass(eq=False)
class TableLocked(Refused):
    """Somebody holds a table so that not even its definition can be read."""

    source: str

    summary = "A table of {source} is locked by somebody else, and was not let go in time."
    explanation = "Its schema cannot be read meanwhile, and a migration would wait behind the same lock; nothing was changed."
    hint = (
        "wait, and run again; who it is: SELECT pid, relation::regclass, mode FROM pg_locks "
        "WHERE granted AND mode = 'AccessExclusiveLock'"
    )


@dataclass(eq=False)
class DatabaseOperationRefused(Refused):
    """The server refuses something that we asked of it."""

    source: str
    sqlstate: str
    reason: str

    summary = "The database of {source} refuses: {reason} (SQLSTATE {sqlstate})."
    explanation = "What was asked for is needed, so nothing further was done."
    hint = "give the role that right, or look at the server's log; what a role needs: wish-rollout doctor"


@dataclass(eq=False)
class PooledConnection(Refused):
    """A pooler that gives each transaction another session."""

    environment: str

    summary = "The URL of '{environment}' leads to a pooler, not to the server itself."
    explanation = "The lock that keeps a second rollout out belongs to a session; behind a pooler it would exclude nobody."
    hint = (
        "give the server's own address; for a pooler in session mode: pooled_sessions = true in rollout.toml"
    )


@dataclass(eq=False)
class StatementFailedAfterCommit(StatementFailed):
    """The same, in a release that commits on its way. ``again``: the command that goes on."""

    again: str

    explanation = (
        "What it had done before stays, and is written down statement by statement in wish_rollout.journal: "
        "running again goes on there. The statement was: {statement}"
    )
    hint = "mend what it met (data, locks), and go on: {again}"
