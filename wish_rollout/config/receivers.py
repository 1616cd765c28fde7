"""The tables of ``rollout.toml`` that say who is told of what."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import model_validator

from wish_rollout.addresses import from_command, from_file
from wish_rollout.config.sections import ConfigTable
from wish_rollout.core.notifications import Event, Notification


class ReceiverConfig(ConfigTable):
    """Somewhere to send messages to. Its address is a secret, so the file says only where that is found."""

    url_variable: str = ""
    url_file: Path | None = None
    url_command: str | tuple[str, ...] | None = None
    on: tuple[Event, ...] = tuple(Event)
    environments: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_one_source(self) -> ReceiverConfig:
        if sum(map(bool, (self.url_variable, self.url_file, self.url_command))) != 1:
            raise ValueError("give one of url_variable, url_file and url_command")
        return self

    @property
    def source(self) -> str:
        """What to call the place that the address comes from."""
        return self.url_variable or ("url_file of notify" if self.url_file else "url_command of notify")

    def wants(self, notice: Notification) -> bool:
        """Whether this is to be told here; what concerns all environments is."""
        concerned = not self.environments or notice.environment in ("", *self.environments)
        return notice.event in self.on and concerned

    def url(self, root: Path) -> str:
        """Give the address, empty where the variable is not set; raise UrlSourceFailed."""
        if self.url_file:
            return from_file("notify", root / self.url_file)
        if self.url_command:
            return from_command("notify", self.url_command, root)
        return os.environ.get(self.url_variable, "").strip()
