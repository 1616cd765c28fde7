"""The verdict on a database: its state compared with the promised schema of its revision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from wish_rollout.core.schema.comparison import difference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wish_rollout.core.environment.unmanaged_objects import ManagedSchema
    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.release.release import Position, Release
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot


class Verdict(StrEnum):
    """All verdicts."""

    IN_STEP = "in_step"
    """At the head, with exactly the head's schema."""
    BEHIND = "behind"
    """Revisions are pending, and the schema is exactly that of the database's revision."""
    AHEAD = "ahead"
    """The schema is that of a later revision of this release than the version table names."""
    DRIFTED = "drifted"
    """The schema is not that of the database's revision."""
    FOREIGN = "foreign"
    """The version table does not name a position of this release."""
    UNREACHABLE = "unreachable"
    """The server does not answer."""
    LOCKED = "locked"
    """Another session holds an ACCESS EXCLUSIVE lock on a table, so its definition cannot be read."""


@dataclass(frozen=True, slots=True)
class DriftAssessment:
    """A verdict with its evidence.

    ``drift``: the delta from the promised to the live schema, for ``drifted`` and ``ahead``; for ``foreign``, from
    the most similar schema of the release. ``schema_position``: for ``ahead``, the position that the schema belongs
    to; for ``foreign``, the most similar one. ``unmanaged``: the unmanaged objects to report.
    """

    verdict: Verdict
    drift: Delta
    schema_position: Position | None = None
    unmanaged: tuple[str, ...] = ()

    @property
    def allows_migration(self) -> bool:
        """Whether a migration may start from this state."""
        return self.verdict in (Verdict.IN_STEP, Verdict.BEHIND)


def assess_drift(
    release: Release,
    state: DatabaseState,
    promise: Callable[[Position], Snapshot],
    managed: ManagedSchema,
    positions: Sequence[Position],
) -> DriftAssessment:
    """Return the verdict on a live schema.

    ``promise`` returns the promised snapshot of a position; it is called for other positions only if the
    schema has drifted. ``managed``: the managed part of the live schema. ``positions``: those that a foreign database
    may have the schema of, the latest first.
    """
    position = state.facts.revisions
    if not release.is_position(position):
        nearest, drift = nearest_position(positions, promise, managed.snapshot)
        return DriftAssessment(Verdict.FOREIGN, drift, nearest, managed.unmanaged)
    pending = release.pending(position)
    drift = difference(promise(position), managed.snapshot)
    verdict, schema_position = Verdict.DRIFTED, None
    if not drift:
        verdict = Verdict.BEHIND if pending else Verdict.IN_STEP
    else:
        for revision in reversed(pending):
            if promise((revision.id,)) == managed.snapshot:
                verdict, schema_position = Verdict.AHEAD, (revision.id,)
                break
    return DriftAssessment(verdict, drift, schema_position, managed.unmanaged)


def nearest_position(
    positions: Iterable[Position], promise: Callable[[Position], Snapshot], live: Snapshot
) -> tuple[Position, Delta]:
    """Return the position whose schema has the fewest differences from the live one, and these differences.

    Of several with equally few, the first is returned.
    """
    deltas = [(position, difference(promise(position), live)) for position in positions]
    return min(deltas, key=lambda each: len(each[1].changes))
