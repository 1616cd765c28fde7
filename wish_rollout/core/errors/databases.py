"""Errors that a database server returns, and states of a database in which no migration can run."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError, EnvironmentRefused, Refused, RolloutError


@dataclass(eq=False)
class DatabaseMissing(ConfigurationError):
    """The server has no database of this name."""

    source: str
    database: str
    server: str

    summary = "The database '{database}' that {source} names does not exist on {server}."
    explanation = "A migration does not create a database; the name may be misspelt."
    hint = "correct {source}, or create the database: createdb -h HOST -U USER {database}"


@dataclass(eq=False)
class DatabaseUnreachable(RolloutError):
    """The server does not answer, or closes the connection."""

    source: str
    server: str
    reason: str

    summary = "The database of {source} at {server} cannot be reached: {reason}."
    explanation = "Nothing was read and nothing was changed."
    hint = (
        "check that the server runs and accepts connections: pg_isready -h HOST -p PORT; wish-rollout doctor"
    )


@dataclass(eq=False)
class LoginRefused(RolloutError):
    """The server refuses to authenticate the role."""

    source: str
    server: str
    role: str

    summary = "The server {server} of {source} refuses the role '{role}'."
    explanation = (
        "The password is wrong, the role does not exist or may not log in, or pg_hba.conf has no line for it."
    )
    hint = 'try the same URL by hand: psql "$' + '{source}"'


@dataclass(eq=False)
class ReadOnlyDatabase(EnvironmentRefused):
    """The server is a standby, or the session or the database is read-only."""

    reason: str

    summary = "The database of '{environment}' cannot be written to: {reason}."
    explanation = "A migration would fail at its first statement, after other environments had been migrated."
    hint = (
        "point the URL at the primary (target_session_attrs=read-write); remove a read replica of another environment "
        "from rollout.toml, because it follows its primary; for a read-only session: "
        "ALTER ROLE … (or DATABASE …) RESET default_transaction_read_only"
    )


@dataclass(eq=False)
class RecordsReplicated(EnvironmentRefused):
    """A subscription fills the ledger, the journal or the version table, as with a publication FOR ALL TABLES."""

    subscription: str
    records: str
    others: str

    summary = "The subscription {subscription} of '{environment}' fills {records}."
    explanation = (
        "Rows that a rollout writes there would conflict with those of the publisher, and replication would stop; "
        "nothing was changed."
    )
    hint = (
        "on the publisher: CREATE PUBLICATION released_tables FOR TABLE {others}; when its changes have arrived, in "
        "'{environment}': ALTER SUBSCRIPTION {subscription} SET PUBLICATION released_tables WITH (copy_data = false); "
        "then: wish-rollout apply"
    )


@dataclass(eq=False)
class CreatePrivilegeMissing(EnvironmentRefused):
    """The role does not have the CREATE privilege."""

    role: str
    place: str

    summary = "The role '{role}' may not create objects in {place} of '{environment}'."
    explanation = "A migration would fail at its first CREATE, after other environments had been migrated."
    hint = "as its owner: GRANT USAGE, CREATE ON {place} TO {role}"


@dataclass(eq=False)
class SchemaMissing(EnvironmentRefused):
    """The release creates objects in a schema that does not exist."""

    schema: str
    role: str

    summary = "The schema {schema}, in which the release creates objects, does not exist in '{environment}'."
    explanation = "No revision creates it, so it must exist before the migration."
    hint = "CREATE SCHEMA {schema} AUTHORIZATION {role}; or let a revision create it"


@dataclass(eq=False)
class RolloutLockHeld(EnvironmentRefused):
    """Another rollout runs on this database."""

    waited: float
    holder: str

    summary = "Another rollout runs on '{environment}': {holder}; waited {waited:.0f} s."
    explanation = (
        "Two migrations of one database at the same time could each apply a part, so only one may run."
    )
    hint = "wait until it ends, then run again; PostgreSQL releases its lock when its session ends"


@dataclass(eq=False)
class DagsterLost(RolloutError):
    """Dagster's own database stopped during a run. ``done``: what the ledgers say that the run has done."""

    run: str
    done: str

    summary = "Dagster's own database stopped during run {run}; done until then, from the ledgers: {done}."
    explanation = "Committed changes are kept, and the environments' ledgers are complete; Dagster's record of the run is not."
    hint = (
        "see the state: wish-rollout status; when Dagster's database is available again, run the same command "
        "again: it continues, and marks the run as ended"
    )


@dataclass(eq=False)
class RunInterrupted(RolloutError):
    """The run was cancelled, or Ctrl-C was pressed."""

    summary = "The run was interrupted."
    explanation = (
        "The statement that was running was cancelled on the server, and its open transaction was rolled back; "
        "what was committed before remains."
    )
    hint = "see the state of each environment: wish-rollout status; run the same command again to continue"


class PooledConnection(EnvironmentRefused):
    """The URL leads to a connection pooler in transaction mode."""

    summary = "The URL of '{environment}' leads to a connection pooler, not to the server itself."
    explanation = "The lock against a second rollout belongs to a session, and such a pooler shares sessions between clients."
    hint = (
        "set the server's own address; for a pooler in session mode: pooled_sessions = true in rollout.toml"
    )


@dataclass(eq=False)
class VersionTableInvalid(Refused):
    """The name of Alembic's version table belongs to another kind of relation."""

    table: str
    database: str
    reason: str

    summary = "The version table {table} of the database {database} cannot be used: it {reason}."
    explanation = "Alembic records the revision of a database in a table of its own; nothing was changed."
    hint = (
        "name the table that has the revision under [release] version_table in rollout.toml; or rename the relation, "
        "name it under [scope] ignore, and then: wish-rollout apply --adopt ENV"
    )
