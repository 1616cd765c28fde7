"""Why drift cannot be taken into history."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import Refused, RolloutError


@dataclass(eq=False)
class NothingToAdopt(RolloutError):
    """The environment is what history promises."""

    exit_code = 0
    environment: str
    position: str

    summary = "Nothing to adopt: '{environment}' is exactly what {position} leads to."


@dataclass(eq=False)
class AdoptionNotAtHead(Refused):
    """Drift on top of an earlier revision than the release's last."""

    environment: str
    position: str
    head: str

    summary = "The drift of '{environment}' cannot be adopted: it is at {position}, and the release's head is {head}."
    explanation = "A new revision comes after {head}, so it would not start from what is there."
    hint = (
        "take the drift back, wish-rollout drift {environment} --sql, or take the environment to {head} first"
    )


@dataclass(eq=False)
class DriftNotAdoptable(Refused):
    """A part of the drift that no statement covers."""

    environment: str
    direction: str
    parts: str

    summary = (
        "The drift of '{environment}' cannot be adopted: the revision's {direction} would not cover {parts}."
    )
    explanation = (
        "A revision that does only a part would leave the environments different, and say that they are not."
    )
    hint = "write it by hand: alembic revision; what the statements would be: wish-rollout drift {environment} --sql"


@dataclass(eq=False)
class AdoptionReplayDiffers(Refused):
    """A replay of the new revision did not lead to the schema that it was written for."""

    environment: str
    direction: str
    left: str

    summary = "The drift of '{environment}' was not adopted: replayed, the revision's {direction} leaves a difference: {left}."
    explanation = "It was tried on a scratch database and taken away again, so nothing has changed."
    hint = "write this part by hand: alembic revision"
