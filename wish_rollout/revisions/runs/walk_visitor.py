"""The visitor of a walk through the scripts, which gets the result of each revision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Ran:
    """What one script has just done: its statements, and whether a transaction ended meanwhile.

    ``ends``: its transaction is about to end, so that settings of the session need not be restored.
    """

    revision: str
    statements: tuple[str, ...]
    committed: bool
    ends: bool


class Visitor(Protocol):
    """What is called in the transaction of each script."""

    def begin(self) -> None:
        """Prepare for a script that is about to run."""

    def wants_downgrade(self, revision: str) -> bool:
        """Whether the revision's downgrade is to be tried."""

    def upgraded(self, ran: Ran) -> None:
        """Read what an upgrade did."""

    def downgraded(self, ran: Ran) -> None:
        """Read what a downgrade did, which is then rolled back unless it committed."""

    def repeated(self, ran: Ran) -> None:
        """Read what an upgrade did that ran again after a downgrade that committed."""

    def raised(self, revision: str, reason: str, committed: bool) -> None:
        """Note that a downgrade raised; ``committed``: what it did before cannot be taken back."""


class Restart(Exception):
    """A downgrade left a state that cannot be taken back."""

    def __init__(self, revision: str, reason: str) -> None:
        super().__init__(revision, reason)
        self.revision = revision
        self.reason = reason
