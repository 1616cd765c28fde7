"""The table of ``rollout.toml`` for rollbacks of an environment."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from wish_rollout.config.sections import ConfigTable

KEEP = r"^[1-9]\d{0,4}d$"
"""A number of days."""


class RowPolicy(StrEnum):
    """What a rollback does with rows that it would destroy."""

    ARCHIVE = "archive"
    """They are archived in the schema wish_rollout_archive."""
    REFUSE = "refuse"
    """The rollback is refused."""


class RollbackConfig(ConfigTable):
    """What a rollback of the environment does with rows that it would destroy."""

    on_rows: RowPolicy = Field(
        default=RowPolicy.ARCHIVE,
        description="What a rollback does with rows that it would destroy: archive them, or refuse.",
    )
    keep: str = Field(
        default="90d",
        pattern=KEEP,
        description="How long an archive is kept at least: a number of days and d.",
    )
