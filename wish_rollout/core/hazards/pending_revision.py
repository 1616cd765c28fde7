"""A pending revision, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wish_rollout.core.release.measurements import StatementMeasurement
    from wish_rollout.core.schema.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class PendingRevision:
    """A pending revision: the schemas before and after it, its statements, and what a rehearsal measured of them.

    ``measured`` is empty if nothing was measured: then hazards are assessed from the statements' text.
    """

    revision: str
    before: Snapshot
    after: Snapshot
    statements: tuple[str, ...]
    measured: tuple[StatementMeasurement, ...] = ()
