"""Errors of ``watch``, which records who changes a schema."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import EnvironmentRefused


@dataclass(eq=False)
class WatchRefused(EnvironmentRefused):
    """The event triggers cannot be created or dropped."""

    action: str
    reason: str

    summary = "The event triggers of '{environment}' cannot be changed: {reason}."
    explanation = "PostgreSQL lets only a superuser create event triggers. Nothing was changed."
    hint = (
        "after the first rollout, have a superuser run the SQL in that database: "
        "wish-rollout watch {action} {environment} --sql"
    )
