"""An environment of ``rollout.toml``."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, model_validator

from wish_rollout.config.budgets import BudgetsConfig
from wish_rollout.config.policies import ApprovalConfig
from wish_rollout.config.rollbacks import RollbackConfig
from wish_rollout.config.sections import SANDBOX_VARIABLE, ConfigTable
from wish_rollout.config.targets import TargetsConfig, WaveConfig
from wish_rollout.core.fleet.waves import Wave


class Environment(ConfigTable):
    """An environment with its policy: a stage in promotion order."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]*$",
        max_length=40,
        description="The environment's name in commands and in Dagster.",
    )
    url_variable: str = Field(
        default="",
        description="The environment variable that holds the database URL. Empty: `<NAME>_DATABASE_URL`.",
    )
    url_file: Path | None = Field(default=None, description="A file that holds the database URL.")
    url_command: str | tuple[str, ...] | None = Field(
        default=None, description="A command that prints the database URL. A list is run without a shell."
    )
    aws_iam: bool = Field(default=False, description="Log in with a new AWS IAM token for each connection.")
    aws_region: str | None = Field(
        default=None, description="The AWS region, where boto3 cannot determine it."
    )
    allow_plaintext: bool = Field(
        default=False,
        description="Allow a connection without TLS to a gated environment or a fleet on another machine.",
    )
    optional: bool = Field(default=False, description="Leave the environment out where it has no URL.")
    gated: bool = Field(
        default=False, description="Change the environment only with an approval of exactly its plan."
    )
    disposable: bool = Field(
        default=False, description="Allow `apply --clean`, which drops objects and their rows."
    )
    run_verify: bool | None = Field(
        default=None,
        description="Run the revisions' own verify(). Default: true, and false where gated or for a fleet.",
    )
    connect_timeout: int = Field(default=10, ge=1, le=120, description="Seconds to wait for a connection.")
    lock_wait: float = Field(
        default=30,
        ge=0,
        le=86400,
        description="Seconds to wait for another rollout of the same database to end.",
    )
    pooled_sessions: bool = Field(default=False, description="Allow a connection pooler in session mode.")
    budgets: BudgetsConfig = Field(
        default=BudgetsConfig(), description="Time limits of the environment's migrations."
    )
    rollback: RollbackConfig = Field(
        default=RollbackConfig(), description="What a rollback does with rows that it would destroy."
    )
    migrator: str | None = Field(
        default=None,
        description="The role written as `$migrator` in snapshots. Default: the connection's role.",
    )
    roles: dict[str, str] = Field(
        default_factory=dict,
        description="Common names of roles that are named differently in each environment: role = common name.",
    )
    approval: ApprovalConfig | None = Field(
        default=None, description="The approval policy of a gated environment."
    )

    targets: TargetsConfig | None = Field(
        default=None,
        description="The list of targets, if the environment is a fleet of databases. Its URL is then a template with "
        "`{name}` or attributes of the targets.",
    )
    parallel: int = Field(
        default=2, ge=1, le=64, description="How many targets of a fleet are changed at the same time."
    )
    targets_per_run: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="How many targets of a fleet a run of a backfill has at most. If it is set, a rollout launches each wave as "
        "a backfill. Default: a rollout changes all targets in its own run, and another backfill has 100 in a run.",
    )
    wave: tuple[WaveConfig, ...] = Field(
        default=(), description="The waves of a fleet, in order. None: one wave with all targets."
    )

    @model_validator(mode="after")
    def _check_options(self) -> Environment:
        if self.gated and self.disposable:
            raise ValueError("an environment is either gated or disposable, not both")
        if self.url_file and self.url_command:
            raise ValueError("give either url_file or url_command, not both")
        if self.approval and not self.gated:
            raise ValueError("approval is given for an environment that is not gated")
        return self

    @model_validator(mode="after")
    def _check_fleet(self) -> Environment:
        if self.targets is None and (self.wave or self.model_fields_set & {"parallel", "targets_per_run"}):
            raise ValueError(
                "wave, parallel or targets_per_run is given for an environment that has no targets"
            )
        if not self.gated and any("gate" in wave.model_fields_set for wave in self.wave):
            raise ValueError("gate is given for a wave of a fleet that is not gated")
        if self.targets is not None and self.disposable:
            raise ValueError("a fleet cannot be disposable")
        names = [wave.name for wave in self.waves]
        if len(set(names)) < len(names):
            raise ValueError("two waves have the same name")
        if sum(wave.rest for wave in self.wave) > 1 or any(wave.rest for wave in self.wave[:-1]):
            raise ValueError("only the last wave can have rest = true")
        return self

    @property
    def is_fleet(self) -> bool:
        """Whether the environment has a list of targets instead of one database."""
        return self.targets is not None

    @property
    def waves(self) -> tuple[Wave, ...]:
        """The waves as values of ``core.fleet``; without a declared one, a wave with all targets."""
        declared = self.wave or (WaveConfig(name="all", rest=True),)
        return tuple(each.wave(number, self.parallel) for number, each in enumerate(declared, start=1))

    @property
    def variable(self) -> str:
        """The name of the environment variable that contains the URL."""
        return self.url_variable or f"{self.name.upper()}_DATABASE_URL"

    @property
    def source(self) -> str:
        """The name of the URL's source, for errors."""
        if os.environ.get(self.variable) or not self.has_configured_source:
            return self.variable
        return f"{'url_file' if self.url_file else 'url_command'} of '{self.name}'"

    @property
    def has_configured_source(self) -> bool:
        """Whether the URL is read from ``url_file`` or ``url_command`` if the variable is not set."""
        return self.url_file is not None or self.url_command is not None

    @property
    def is_enabled(self) -> bool:
        """Whether rollouts include the environment. An optional environment is enabled if it has a URL.

        A fleet is not enabled in the sandbox, which has no databases for its targets.
        """
        if self.is_fleet and os.environ.get(SANDBOX_VARIABLE):
            return False
        return not self.optional or bool(os.environ.get(self.variable)) or self.has_configured_source

    @property
    def is_protected(self) -> bool:
        """Whether the databases are taken for production: of gated environments and fleets."""
        return self.gated or self.is_fleet

    @property
    def requires_encryption(self) -> bool:
        """Whether a connection to another machine must be encrypted."""
        return self.is_protected and not self.allow_plaintext

    @property
    def runs_revision_checks(self) -> bool:
        """Whether the ``verify()`` functions of revisions run here. The default is false for production."""
        return not self.is_protected if self.run_verify is None else self.run_verify
