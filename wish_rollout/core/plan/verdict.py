"""Where a database stands, seen against what history promises for its revision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta import Delta
from wish_rollout.core.schema.unmanaged_objects import ManagedSchema, everything

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.release.release import Position, Release
    from wish_rollout.core.schema.snapshot import Snapshot


class Verdict(StrEnum):
    """The answers."""

    IN_STEP = "in_step"
    """At the head, and exactly what the head leads to."""
    BEHIND = "behind"
    """Revisions are pending, and the schema is exactly what its revision leads to."""
    AHEAD = "ahead"
    """The schema is what a later revision of this release leads to, and the version table names an earlier."""
    DRIFTED = "drifted"
    """The schema is not what its revision leads to."""
    FOREIGN = "foreign"
    """At a revision that this release does not know."""
    UNREACHABLE = "unreachable"
    """No answer."""
    LOCKED = "locked"
    """Somebody holds a table so that not even its definition can be read."""


@dataclass(frozen=True, slots=True)
class DriftAssessment:
    """A verdict, and for ``drifted`` and ``ahead`` the delta from the promise to what is there.

    ``schema_position``: for ``ahead``, the position whose schema this is. ``unmanaged``: what was left out of the
    comparison and has to be told.
    """

    verdict: Verdict
    drift: Delta
    schema_position: Position | None = None
    unmanaged: tuple[str, ...] = ()

    @property
    def allows_migration(self) -> bool:
        """Whether a migration may start from here."""
        return self.verdict in (Verdict.IN_STEP, Verdict.BEHIND)


def judge(
    release: Release,
    seen: DatabaseState,
    promise: Callable[[Position], Snapshot],
    count: Callable[[Snapshot], ManagedSchema] = everything,
) -> DriftAssessment:
    """Compare a live schema with what history promises for its revision.

    ``promise`` gives the snapshot of a position; it is asked for later ones only where the first differs.
    ``count`` says what of the live schema counts.
    """
    position = seen.facts.revisions
    known = {revision.id for revision in release.revisions}
    if not known.issuperset(position):
        return DriftAssessment(Verdict.FOREIGN, Delta(()))
    pending = release.pending(position)
    counted = count(seen.snapshot)
    drift = difference(promise(position), counted.snapshot)
    verdict, schema_position = Verdict.DRIFTED, None
    if not drift:
        verdict = Verdict.BEHIND if pending else Verdict.IN_STEP
    else:
        for revision in reversed(pending):
            if promise((revision.id,)) == counted.snapshot:
                verdict, schema_position = Verdict.AHEAD, (revision.id,)
                break
    return DriftAssessment(verdict, drift, schema_position, counted.unmanaged)
