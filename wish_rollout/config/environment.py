"""One environment of ``rollout.toml``, with its policy."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, model_validator

from wish_rollout.config.policies import ApprovalConfig, BudgetsConfig
from wish_rollout.config.sections import ConfigTable


class Environment(ConfigTable):
    """A place in promotion order, with its policy."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)
    url_variable: str = ""
    url_file: Path | None = None
    url_command: str | tuple[str, ...] | None = None
    aws_iam: bool = False
    aws_region: str | None = None
    allow_plaintext: bool = False
    optional: bool = False
    gated: bool = False
    disposable: bool = False
    run_verify: bool | None = None
    connect_timeout: int = Field(default=10, ge=1, le=120)
    lock_wait: float = Field(default=30, ge=0, le=86400)
    pooled_sessions: bool = False
    budgets: BudgetsConfig = BudgetsConfig()
    migrator: str | None = None
    roles: dict[str, str] = Field(default_factory=dict)
    approval: ApprovalConfig | None = None

    @model_validator(mode="after")
    def _a_gate_keeps_its_data(self) -> Environment:
        if self.gated and self.disposable:
            raise ValueError("an environment is either gated or disposable, not both")
        if self.url_file and self.url_command:
            raise ValueError("give either url_file or url_command, not both")
        if self.approval and not self.gated:
            raise ValueError("approval is told for an environment that is not gated")
        return self

    @property
    def variable(self) -> str:
        """The name of the variable that holds the URL."""
        return self.url_variable or f"{self.name.upper()}_DATABASE_URL"

    @property
    def source(self) -> str:
        """What to call the place that the URL comes from, for errors."""
        if os.environ.get(self.variable) or not self.has_configured_source:
            return self.variable
        return f"{'url_file' if self.url_file else 'url_command'} of '{self.name}'"

    @property
    def has_configured_source(self) -> bool:
        """Whether the URL comes from elsewhere where its variable is not set."""
        return self.url_file is not None or self.url_command is not None

    @property
    def is_enabled(self) -> bool:
        """Whether it takes part: an optional one does where it has a URL."""
        return not self.optional or bool(os.environ.get(self.variable)) or self.has_configured_source

    @property
    def runs_revision_checks(self) -> bool:
        """Whether a revision's own ``verify`` runs here: gated environments must opt in."""
        return not self.gated if self.run_verify is None else self.run_verify
