"""Why a plan, a rollback or a verification cannot succeed."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import (
    AwaitingApproval,
    ConfigurationError,
    DifferenceFound,
    EnvironmentRefused,
)

DRIFT_COMMANDS = "see all differences: wish-rollout drift {environment}; remove them: wish-rollout drift {environment} --sql"


@dataclass(eq=False)
class ConflictingObjectsFound(EnvironmentRefused):
    """A pending revision would create objects that exist already."""

    objects: str
    remedies: str

    summary = "'{environment}' already has objects that the release would create: {objects}."
    explanation = "Creating them again would fail, and wish-rollout cannot know who created them."
    hint = "{remedies}"


@dataclass(eq=False)
class EnvironmentsShareDatabase(EnvironmentRefused):
    """Two environments are one database."""

    other: str

    summary = "'{environment}' and '{other}' are the same database, although their URLs may differ."
    explanation = "A migration of one would change the other without its gate and before its turn, so nothing was started."
    hint = "set a different database URL for each, or no URL for an optional environment; then: wish-rollout doctor"


@dataclass(eq=False)
class SchemaDrifted(DifferenceFound):
    """The live schema is not the schema of the database's revision."""

    environment: str
    position: str
    drift: str

    summary = (
        "'{environment}' is at revision {position}, but its schema is not the schema of {position}: {drift}."
    )
    explanation = "The release was written for another schema, and its effect on this one is unknown; it was not started."
    hint = (
        f"{DRIFT_COMMANDS}; or keep them: write a revision that makes the same changes, with IF NOT EXISTS or IF EXISTS "
        "(alembic revision), then: wish-rollout apply"
    )


class SchemaDriftedAtHead(SchemaDrifted):
    """The same at the release's head, where the differences can become a new revision."""

    hint = f"{DRIFT_COMMANDS}; or make them a revision: wish-rollout generate --adopt {{environment}}"


@dataclass(eq=False)
class SchemaAhead(EnvironmentRefused):
    """The schema is that of a later revision than the version table names."""

    position: str
    really: str

    summary = "The version table of '{environment}' names revision {position}, but its schema is exactly that of {really}."
    explanation = (
        "The release was applied there by hand, or its version row was lost; migrating again would fail."
    )
    hint = "set the version table to the schema's revision: wish-rollout apply --adopt {environment}"


@dataclass(eq=False)
class SchemaBehind(EnvironmentRefused):
    """The schema is that of an earlier revision than the version table names."""

    position: str
    really: str

    summary = (
        "The version table of '{environment}' names revision {position}, but its schema is exactly that of {really}, "
        "which is earlier."
    )
    explanation = (
        "Later revisions were stamped without being executed (alembic stamp), or their changes were taken back by hand. "
        "The SQL of drift --sql would not contain their changes of rows."
    )
    hint = (
        "execute the revisions after {really}: wish-rollout apply --adopt {environment}; if they were executed, and only the "
        "schema was changed afterwards: wish-rollout drift {environment} --sql"
    )


class CleanNotAllowed(EnvironmentRefused):
    """``--clean`` was used for an environment that is not disposable."""

    summary = "'{environment}' may not be cleaned: rollout.toml does not mark it disposable."
    explanation = "--clean drops the conflicting objects with their rows."
    hint = "ask the owners of these objects; only for a database whose rows may be lost: disposable = true"


@dataclass(eq=False)
class SchemaNotAdoptable(EnvironmentRefused):
    """``--adopt`` was used, and the schema is not exactly that of any position of the release."""

    position: str
    drift: str

    summary = (
        "'{environment}' cannot be adopted: its schema is not exactly that of the release. "
        "The most similar revision is {position}, with the differences: {drift}."
    )
    explanation = "--adopt only sets the version table, so every difference would be drift afterwards."
    hint = (
        "remove the differences: wish-rollout drift {environment} --sql, then: wish-rollout apply --adopt {environment}; "
        "for a disposable environment: wish-rollout apply --clean {environment}"
    )


@dataclass(eq=False)
class PlanChanged(EnvironmentRefused):
    """The current plan is not the one that was shown or approved."""

    changed: str

    summary = "The plan for '{environment}' is no longer valid: {changed}."
    explanation = "The migration would not do what was shown, and perhaps approved, so it was not started."
    hint = "read the current plan: wish-rollout plan; then: wish-rollout apply"


@dataclass(eq=False)
class EnvironmentNotGated(ConfigurationError):
    """An approval was given for an environment that needs none."""

    environment: str

    summary = "'{environment}' needs no approval: rollout.toml does not mark it gated."
    hint = "continue: wish-rollout apply"


class NothingToApprove(EnvironmentRefused):
    """An approval was given, and nothing is pending."""

    exit_code = 0

    summary = "There is nothing to approve: '{environment}' is at the release's head, in step."


@dataclass(eq=False)
class WaitingAtGate(AwaitingApproval):
    """The run ended at a gate that has no valid approval."""

    environment: str
    plan_digest: str

    summary = "'{environment}' waits for approval of the plan {plan_digest:.12}…."
    explanation = "Every environment before it is migrated and verified; '{environment}' was not changed."
    hint = "wish-rollout approve {environment} --reason '…'"
