"""The tables of ``rollout.toml`` for a fleet: where the list of its targets comes from, and its waves."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from wish_rollout.config.sections import ConfigTable
from wish_rollout.core.fleet.conditions import parse_condition
from wish_rollout.core.fleet.waves import FailureLimit, Wave

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class TargetsConfig(ConfigTable):
    """The list of targets of a fleet: from a file, a command or a query."""

    file: Path | None = Field(default=None, description="A file with one line for each target.")
    command: str | tuple[str, ...] | None = Field(
        default=None,
        description="A command that prints one line for each target. A list is run without a shell.",
    )
    query: str = Field(
        default="",
        description="A query with one row for each target: `name`, optionally `url`, and attributes.",
    )
    url_variable: str = Field(
        default="",
        description="The environment variable that holds the URL of the database in which the query is run.",
    )

    @model_validator(mode="after")
    def _check_source(self) -> TargetsConfig:
        if sum(map(bool, (self.file, self.command, self.query))) != 1:
            raise ValueError("give exactly one of file, command and query")
        if bool(self.query) != bool(self.url_variable):
            raise ValueError("query and url_variable need each other")
        return self

    @property
    def source(self) -> str:
        """The name of the list's source, for errors. Arguments of a command are not shown."""
        if self.file:
            return f"the file {self.file}"
        if self.query:
            return f"the query of {self.url_variable}"
        words = self.command.split() if isinstance(self.command, str) else list(self.command or ())
        return f"the command {words[0] if words else ''}".rstrip()


class FailurePolicy(StrEnum):
    """What follows on a wave of which too many targets have failed."""

    STOP = "stop"
    """No later wave begins."""
    CONTINUE = "continue"
    """The later waves begin."""


class WaveConfig(ConfigTable):
    """A wave of a fleet: some of its targets, which are migrated before those of the next wave."""

    name: str = Field(
        default="",
        pattern=r"^([a-z][a-z0-9_-]*)?$",
        max_length=40,
        description="The wave's name in commands and reports. Empty: its number.",
    )
    match: str = Field(default="", description="A shell pattern of the names of its targets.")
    where: str = Field(
        default="", description="A condition on the attributes of its targets, such as `region = 'eu'`."
    )
    percent: float = Field(
        default=0,
        ge=0,
        le=100,
        description="So many percent of all targets, of those that are in no other wave.",
    )
    rest: bool = Field(default=False, description="All targets that are in no other wave.")
    parallel: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="How many of its targets are migrated at the same time. Default: that of the environment.",
    )
    max_failures: str | int = Field(
        default=0, description="How many of its targets may fail: a number, or a percentage such as `2%`."
    )
    soak: str = Field(
        default="0s",
        pattern=r"^\d{1,5}[smhd]$",
        description="Time from the end of the wave to the next wave: a number and s, m, h or d.",
    )
    on_failure: FailurePolicy = Field(
        default=FailurePolicy.STOP,
        description="What follows if more targets fail than `max_failures`: no later wave begins, or the later waves do.",
    )
    gate: bool = Field(
        default=True,
        description="In a gated fleet: change the targets of the wave only with an approval. "
        "False: roll a release out to them without one.",
    )

    @field_validator("where")
    @classmethod
    def _check_condition(cls, text: str) -> str:
        if text:
            parse_condition(text)
        return text

    @field_validator("max_failures")
    @classmethod
    def _check_limit(cls, limit: str | int) -> str | int:
        FailureLimit.from_text(str(limit))
        return limit

    @model_validator(mode="after")
    def _check_choice(self) -> WaveConfig:
        if sum(map(bool, (self.match or self.where, self.percent, self.rest))) != 1:
            raise ValueError("give match or where, or percent, or rest = true")
        return self

    def wave(self, number: int, parallel: int) -> Wave:
        """Return the wave as a value of ``core.fleet``. ``number``: from 1. ``parallel``: of the environment."""
        return Wave(
            self.name or str(number),
            self.match,
            parse_condition(self.where) if self.where else None,
            self.percent,
            self.rest,
            self.parallel or parallel,
            FailureLimit.from_text(str(self.max_failures)),
            int(self.soak[:-1]) * SECONDS[self.soak[-1]],
            self.on_failure is FailurePolicy.STOP,
            self.gate,
        )
