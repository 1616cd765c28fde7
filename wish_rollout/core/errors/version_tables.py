"""Errors about the rows of Alembic's version table."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import EnvironmentRefused, Refused
from wish_rollout.core.errors.statements import StatementFailed


@dataclass(eq=False)
class DuplicateVersionRows(EnvironmentRefused):
    """The version table has two rows with the same revision, because it has no primary key."""

    revision: str

    summary = "The version table of '{environment}' names {revision} more than once."
    explanation = "Alembic expects one row for each head; with two rows each migration would fail."
    hint = "write the rows again: wish-rollout apply --adopt {environment}"


@dataclass(eq=False)
class VersionRowsHidden(Refused):
    """Row-level security of the version table can hide its rows from the role."""

    table: str
    database: str
    role: str

    summary = "The version table {table} of the database {database} has row-level security, which applies to the role {role}."
    explanation = "Its rows can be hidden, so that the database looks as if no revision were applied; nothing was changed."
    hint = "as the owner of the table: ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY"


@dataclass(eq=False)
class VersionTablePrivilegeMissing(Refused):
    """The role may not read or change the version table, as after a restore by another role."""

    table: str
    database: str
    role: str
    access: str

    summary = "The role {role} may not {access} the version table {table} of the database {database}."
    explanation = "Alembic records there which revisions are applied; nothing was changed."
    hint = (
        'as its owner or an administrator: ALTER TABLE {table} OWNER TO "{role}"; '
        'or: GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO "{role}"'
    )


@dataclass(eq=False)
class VersionColumnTooShort(EnvironmentRefused):
    """The column ``version_num`` of the version table is shorter than a revision ID that would be written to it."""

    table: str
    revision: str
    length: int
    required: int

    summary = (
        "The version table {table} of '{environment}' has {length} characters for a revision ID, and '{revision}' has "
        "{required}."
    )
    explanation = "The migration would fail when Alembic records this revision; nothing was changed."
    hint = (
        "as the owner of the table: ALTER TABLE {table} ALTER COLUMN version_num TYPE varchar({required}); "
        "then: wish-rollout apply"
    )


@dataclass(eq=False)
class RevisionIdTooLong(StatementFailed):
    """Alembic could not record a revision, because the version table that it creates has 32 characters for its ID.

    Source of the length: ``version_table_impl()`` in alembic/ddl/impl.py.
    """

    summary = (
        "Migrating '{environment}' failed at the end of revision {revision}: its ID is longer than the column "
        "version_num of the version table (SQLSTATE {sqlstate})."
    )
    explanation = "Alembic creates that table with 32 characters for a revision ID. {state}"
    hint = (
        "shorten the ID in the script, and in down_revision of the scripts that follow it, then: wish-rollout check; "
        "or let env.py create a wider column: override version_table_impl() of Alembic's PostgresqlImpl"
    )


@dataclass(eq=False)
class VersionRowsUnidentified(EnvironmentRefused):
    """A publication has the version table, which has neither a primary key nor another replica identity."""

    table: str
    publication: str

    summary = (
        "The version table {table} of '{environment}' has no replica identity, and the publication {publication} "
        "publishes its changes."
    )
    explanation = (
        "The server refuses to update or delete its rows, so each migration would fail; nothing was changed."
    )
    hint = "as the owner of the table: ALTER TABLE {table} REPLICA IDENTITY FULL; then: wish-rollout apply"
