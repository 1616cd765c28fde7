"""The tables of ``rollout.toml`` for the receivers of notifications."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, model_validator

from wish_rollout.addresses import read_url_file, run_url_command
from wish_rollout.config.sections import ConfigTable
from wish_rollout.core.notifications import Event, Notification


class ReceiverConfig(ConfigTable):
    """A receiver of notifications. Its URL is a secret, so the file contains only the URL's source."""

    url_variable: str = Field(
        default="", description="The environment variable that holds the receiver's address."
    )
    url_file: Path | None = Field(default=None, description="A file that holds the receiver's address.")
    url_command: str | tuple[str, ...] | None = Field(
        default=None,
        description="A command that prints the receiver's address. A list is run without a shell.",
    )
    on: tuple[Event, ...] = Field(default=tuple(Event), description="The events that are sent.")
    environments: tuple[str, ...] = Field(
        default=(), description="The environments whose events are sent. Empty: all."
    )

    @model_validator(mode="after")
    def _check_source(self) -> ReceiverConfig:
        if sum(map(bool, (self.url_variable, self.url_file, self.url_command))) != 1:
            raise ValueError("give exactly one of url_variable, url_file and url_command")
        return self

    @property
    def source(self) -> str:
        """The name of the URL's source, for errors."""
        return self.url_variable or ("url_file of notify" if self.url_file else "url_command of notify")

    def accepts(self, notice: Notification) -> bool:
        """Return whether the receiver subscribes to the event and the environment of a notification.

        A notification about all environments is accepted by every receiver of its event.
        """
        is_subscribed = not self.environments or notice.environment in ("", *self.environments)
        return notice.event in self.on and is_subscribed

    def url(self, root: Path) -> str:
        """Return the URL; empty if the variable is not set. ``root``: the folder of the configuration.

        Raises ``DatabaseUrlSourceFailed``.
        """
        if self.url_file:
            return read_url_file("notify", root / self.url_file)
        if self.url_command:
            return run_url_command("notify", self.url_command, root)
        return os.environ.get(self.url_variable, "").strip()
