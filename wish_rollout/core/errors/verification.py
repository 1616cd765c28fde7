"""Why a verification failed: the schema is not the promised one."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import (
    Refused,
    VerificationFailed,
)


@dataclass(eq=False)
class SchemaVerificationFailed(VerificationFailed):
    """A check of the verification failed: the schema is not the promised one."""

    environment: str
    failed: str
    detail: str

    summary = "Verification of '{environment}' failed: {failed}: {detail}."
    explanation = "No later environment was migrated."
    hint = "see all differences, and two ways to resolve them: wish-rollout drift {environment}"


@dataclass(eq=False)
class CommitRefused(VerificationFailed):
    """What a transaction of a migration has changed is not what the plan promises; it was not committed.

    ``difference``: from the promised schema to the one that the transaction led to. ``state``: what remains in the
    database. ``again``: the command that runs the migration again.
    """

    environment: str
    difference: str
    state: str
    again: str

    summary = "The migration of '{environment}' did not lead to the promised schema: {difference}."
    explanation = "It was found before the commit. {state} No later environment was migrated."
    hint = (
        "if this database changes new objects by itself, see its default privileges and event triggers (psql: \\ddp, "
        "\\dy), and make them those of the other environments; if the script does something else than its record: "
        "wish-rollout generate --record; if it computes a default when it runs, such as str(datetime.now()), no two databases "
        "get the same: set the default in a new revision, then: wish-rollout generate --record; then: {again}"
    )


@dataclass(eq=False)
class RevisionWouldRun(Refused):
    """The idempotence check found a revision that would run again."""

    revision: str

    summary = "Running the release again would run {revision}."
    explanation = "A release that is complete runs nothing when it is applied again."
    hint = "see which revision the database has, and which the release: wish-rollout status"
