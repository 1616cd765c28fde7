"""Errors of Dagster's own database and of its names."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import ConfigurationError


@dataclass(eq=False)
class DagsterUnavailable(ConfigurationError):
    """Dagster's instance, which stores runs and approvals, cannot be opened."""

    home: str
    error: str
    reason: str

    summary = "Dagster's own database cannot be opened ({error}: {reason})."
    explanation = "It stores runs, verification results and approvals, so nothing is migrated without it; see {home}/dagster.yaml."
    hint = 'set DAGSTER_POSTGRES_URL=postgresql+psycopg2://USER@HOST/DATABASE, or: eval "$(wish-rollout sandbox env)"'


@dataclass(eq=False)
class NotDagsterDatabase(ConfigurationError):
    """The database configured for Dagster is an environment's, or has tables that are not Dagster's."""

    source: str
    database: str
    reason: str

    summary = "{source} leads to the database {database}, which is not Dagster's: {reason}."
    explanation = "Dagster would create some twenty tables there, which would be drift in an environment; none was created."
    hint = 'create a database for Dagster: CREATE DATABASE dagster; or: eval "$(wish-rollout sandbox env)"'


@dataclass(eq=False)
class ProjectNameTaken(ConfigurationError):
    """Another project uses the same names in this Dagster instance."""

    name: str
    other: str
    own: str

    summary = "Dagster's instance already has another project {name}: its first revision is {other}, here it is {own}."
    explanation = "Both would share assets, requests and approvals, and each would see those of the other."
    hint = (
        'give this project a name of its own in rollout.toml:\n[project]\nname = "…"\n'
        "If it is the same project with a new history: wish-rollout doctor --claim"
    )
