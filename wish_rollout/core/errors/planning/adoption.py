"""Errors of ``generate --adopt``: why drift cannot become a revision."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import EnvironmentRefused, RolloutError


@dataclass(eq=False)
class NothingToAdopt(RolloutError):
    """The environment has no drift."""

    exit_code = 0
    environment: str
    position: str

    summary = "Nothing to adopt: the schema of '{environment}' is exactly that of revision {position}."


@dataclass(eq=False)
class AdoptionNotAtHead(EnvironmentRefused):
    """The environment has drifted at an earlier revision than the release's head."""

    position: str
    head: str

    summary = "The drift of '{environment}' cannot be adopted: it is at {position}, and the release's head is {head}."
    explanation = "The new revision would follow {head}, but the drift was found on the schema of {position}."
    hint = (
        "remove the drift: wish-rollout drift {environment} --sql; or keep it: write a revision that makes the same "
        "change with IF NOT EXISTS or IF EXISTS (alembic revision), then: wish-rollout apply"
    )


@dataclass(eq=False)
class DriftNotAdoptable(EnvironmentRefused):
    """No SQL statement can be generated for a part of the drift."""

    direction: str
    parts: str

    summary = "The drift of '{environment}' cannot be adopted: the {direction} of the revision would not cover {parts}."
    explanation = "After a revision that covers only a part, the environments would still differ and be reported as equal."
    hint = (
        "write the revision by hand, with IF NOT EXISTS or IF EXISTS: alembic revision; then: wish-rollout apply; "
        "see the generated statements: wish-rollout drift {environment} --sql"
    )


@dataclass(eq=False)
class AdoptionReplayDiffers(EnvironmentRefused):
    """The new revision was replayed and did not produce the schema that it was generated for."""

    direction: str
    difference: str

    summary = (
        "The drift of '{environment}' was not adopted: after a replay of the revision's {direction}, "
        "a difference is left: {difference}."
    )
    explanation = "The revision was replayed on a scratch database and then deleted, so nothing has changed."
    hint = "write this part by hand: alembic revision"
