"""Errors of ``meta/base.sql``: the schema that replays begin with, before the first revision or at a later one."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import EnvironmentRefused, FileError, Refused

WITHOUT_SCHEMA = (
    "meta/base.sql has the schema of {base}; no earlier revision is replayed, so its schema is not known."
)


@dataclass(eq=False)
class BaseSchemaNotRecorded(EnvironmentRefused):
    """The schema of an environment cannot be recorded as the one that replays begin with."""

    parts: str

    summary = "The schema of '{environment}' cannot be recorded as the one that replays begin with: {parts}."
    explanation = "Every comparison rests on that schema; a schema that differs would make them wrong."
    hint = (
        "leave these objects out with [scope] ignore in rollout.toml; if extensions are missing: wish-rollout init --from "
        "{environment}; if there are several branches: migrate '{environment}' to the revision that merges them (alembic "
        "upgrade); then: wish-rollout init --baseline {environment}"
    )


class InvalidBaseSchema(FileError):
    """The line ``-- revision:`` of ``meta/base.sql`` cannot be used."""

    summary = "The recorded schema {path} cannot be used: {reason}."
    explanation = "Replays begin with this schema, and with the revisions that come after its own."
    hint = (
        "restore the file from version control, or record the schema of an environment again: wish-rollout init "
        "--baseline ENV"
    )


@dataclass(eq=False)
class BeforeBaseSchema(Refused):
    """The schema of a revision is needed that comes before the one where replays begin."""

    position: str
    base: str

    summary = "The recorded history begins at {base}, and {position} is before it."
    explanation = WITHOUT_SCHEMA
    hint = "name {base} or a later revision; or record the schema of an environment at {position}: wish-rollout init --baseline ENV"


@dataclass(eq=False)
class EnvironmentBeforeBase(EnvironmentRefused):
    """An environment is at a revision before the one where replays begin."""

    position: str
    base: str
    path: str

    summary = "'{environment}' is at {position}, and the recorded history begins at {base}."
    explanation = WITHOUT_SCHEMA
    hint = (
        "if the database is empty: psql -f {path}, then: wish-rollout apply; if it has the schema of {base} or a later "
        "revision: wish-rollout apply --adopt {environment}; if it has an earlier one: alembic upgrade {base}"
    )


@dataclass(eq=False)
class BaseSchemaMissing(EnvironmentRefused):
    """An empty environment lacks the schema that the first revision was written for."""

    path: str

    summary = (
        "'{environment}' is empty, and no revision creates the schema that the first one was written for."
    )
    explanation = "meta/base.sql has that schema; every other environment had it before the first revision."
    hint = "psql -f {path}, in the database of '{environment}'; then: wish-rollout apply"


@dataclass(eq=False)
class RollbackBeforeBase(EnvironmentRefused):
    """A rollback would lead to a revision before the one where replays begin."""

    target: str
    base: str

    summary = (
        "'{environment}' cannot be rolled back to {target}, because the recorded history begins at {base}."
    )
    explanation = WITHOUT_SCHEMA
    hint = (
        "take back later revisions only: wish-rollout rollback {environment} --to {base}; or write a revision that undoes "
        "the change, and roll it out: wish-rollout generate -m 'undo {base}'"
    )
