"""Functions that are called before a migration is tried again, and in its transaction, before and after its revisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Checks:
    """Functions that are called in the migration's transaction.

    ``first``: before everything else. ``each``: before each revision, in the revision's own transaction. ``completed``:
    after all revisions, before the act's ledger row is written; ``recorded``: after that. ``again``: before each attempt
    but the first, outside of its transaction.
    """

    first: Callable[[], None] | None = None
    each: Callable[[], None] | None = None
    completed: Callable[[], None] | None = None
    recorded: Callable[[], None] | None = None
    again: Callable[[], None] | None = None


NO_CHECKS = Checks()
