"""A release that was interrupted after some of its transactions, and whose scripts were changed since then."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class HalfDone:
    """What of the earlier scripts was executed, and what the current scripts will execute.

    ``done``: finished statements that the current scripts contain; they are skipped. ``remaining``: the statements to be
    executed. ``replaced``: the number of finished statements that the current scripts do not contain. ``difference``:
    how the schema would then differ from the promised one, by a rehearsal; empty if it would not, or without one.
    """

    done: tuple[str, ...]
    remaining: tuple[str, ...]
    replaced: int
    difference: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)

    def describe(self) -> Iterator[str]:
        """Yield what is done and what is not, a line each."""
        yield from (f"done: {text}" for text in self.done)
        if self.replaced:
            yield f"done, and not in the scripts any more: {self.replaced} statements"
        yield from (f"to do: {text}" for text in self.remaining)
