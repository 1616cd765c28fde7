"""From the names that roles have in a snapshot back to those of an environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.sql_syntax import identifier
from wish_rollout.core.schema.scope import MIGRATOR

if TYPE_CHECKING:
    from collections.abc import Mapping


class UnknownRole(Exception):
    """A name in a snapshot that stands for no role here, or for several; its text says why."""


@dataclass(frozen=True)
class Roles:
    """How one environment's roles are called.

    ``migrator``: SQL for the role that migrates: a quoted name, or ``CURRENT_USER`` for a script that runs in
    every environment. ``common``: role → common name, as rollout.toml maps them. ``portable``: a common name
    cannot be written, since it stands for another role in each environment.
    """

    migrator: str
    common: Mapping[str, str] = field(default_factory=dict)
    portable: bool = False

    @classmethod
    def of(cls, migrator: str, common: Mapping[str, str]) -> Roles:
        """Return those of one environment, whose migrator has this plain name."""
        return cls(identifier(migrator), common)

    def sql(self, name: str) -> str:
        """Write a role for a statement; raise UnknownRole."""
        if name == "PUBLIC":
            return "PUBLIC"
        if name == MIGRATOR:
            return self.migrator
        real = [role for role, common in self.common.items() if common == name]
        if real and self.portable:
            raise UnknownRole(f"the role {name} has another name in each environment")
        if len(real) > 1:
            raise UnknownRole(f"{name} stands for several roles here: {', '.join(real)}")
        if name.startswith("(") and name.endswith(")"):
            raise UnknownRole(f"the role with the number {name} is gone")
        plain = "PUBLIC" if name == '"PUBLIC"' else name
        return identifier(real[0] if real else plain)
