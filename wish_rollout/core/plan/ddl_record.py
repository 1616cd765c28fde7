"""A DDL statement that the event triggers of ``watch install`` recorded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DdlRecord:
    """Who changed which object, and when.

    ``who``: the role that logged in. ``application``: the session's application_name, which it can choose. ``command``:
    the command tag, such as CREATE INDEX. ``object``: kind and name; empty if the server does not name it.
    """

    at: str
    who: str
    application: str
    command: str
    object: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for ``--json``."""
        return asdict(self)

    def __str__(self) -> str:
        application = f", application {self.application}" if self.application else ""
        return f"{self.at}: {self.command} {self.object} by {self.who}{application}"
