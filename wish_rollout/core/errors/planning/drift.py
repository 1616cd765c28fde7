"""Errors about the schema and the version table of an environment, each with the command that resolves it."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import DifferenceFound, EnvironmentRefused

COLUMN_ORDER = (
    "An application sees the order of columns only in SELECT * and in INSERT without a list of columns. "
    "PostgreSQL cannot move a column (manual, ALTER TABLE), so no statement changes the order."
)


@dataclass(eq=False)
class ColumnOrderDiffers(DifferenceFound):
    """The only drift is another order of columns."""

    environment: str
    position: str
    tables: str

    summary = "'{environment}' is at revision {position} with another order of columns in {tables}."
    explanation = COLUMN_ORDER
    hint = (
        "accept the order in this environment: wish-rollout apply --adopt {environment}; "
        "or everywhere, in rollout.toml under [release]: allow_positions = true"
    )


@dataclass(eq=False)
class ColumnOrderWouldDiffer(EnvironmentRefused):
    """A migration would give another order of columns than the scripts do: branches were merged, or a hotfix came first."""

    position: str
    tables: str

    summary = (
        "'{environment}' has applied its changes in another order than the scripts: at {position}, the order of "
        "columns in {tables} would differ."
    )
    explanation = COLUMN_ORDER
    hint = (
        "allow another order of columns: allow_positions = true in the script of the last revision, or in rollout.toml "
        "under [release]; then: wish-rollout apply"
    )


@dataclass(eq=False)
class InvalidIndexesLeft(DifferenceFound):
    """The only drift is invalid indexes, as an interrupted CREATE INDEX CONCURRENTLY leaves them."""

    environment: str
    indexes: str
    statements: str

    summary = "'{environment}' has invalid indexes that an interrupted CREATE INDEX CONCURRENTLY has left: {indexes}."
    explanation = (
        "An invalid index is not used by queries, but slows down writes (manual, CREATE INDEX). The next migration "
        "would fail, because the name is used."
    )
    hint = "drop them: {statements}; then build them again: wish-rollout apply"


@dataclass(eq=False)
class RedundantVersionRows(EnvironmentRefused):
    """The version table has two rows, and the revision of one is an ancestor of the other."""

    rows: str
    ancestor: str
    descendant: str

    summary = "The version table of '{environment}' names {rows}, but {ancestor} is an earlier revision than {descendant}."
    explanation = "Alembic cannot migrate from such rows; somebody has inserted one by hand."
    hint = "set the version table to the revision that the schema belongs to: wish-rollout apply --adopt {environment}"


@dataclass(eq=False)
class AdoptionUnnecessary(EnvironmentRefused):
    """``--adopt`` was used, and the version table names the position of the schema already."""

    position: str

    summary = (
        "'{environment}' needs no adoption: its schema is that of {position}, as its version table says."
    )
    hint = "migrate it: wish-rollout apply"


@dataclass(eq=False)
class BaselineChanged(DifferenceFound):
    """The only drift is in what the platform creates: extensions, default privileges, schema public."""

    environment: str
    position: str
    drift: str

    summary = "'{environment}' has the schema of {position}, but its platform has changed since the baseline was recorded: {drift}."
    explanation = "The baseline is what the platform had created: extensions, default privileges, the privileges of schema public."
    hint = (
        "record the new state, if it is intended: wish-rollout apply --adopt {environment}; "
        "or restore the recorded one: wish-rollout drift {environment} --sql"
    )
