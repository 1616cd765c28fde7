"""A pending revision, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wish_rollout.core.schema.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Pending:
    """A pending revision: the schema that it stands on, the one that it leads to, its statements."""

    revision: str
    before: Snapshot
    after: Snapshot
    statements: tuple[str, ...]
