"""What history promises: the schema that each position leads to, recorded in ``meta/`` or replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.delta import Delta, difference
from wish_rollout.revisions.journal import BASE, Journal, Recorded

if TYPE_CHECKING:
    from wish_rollout.core.release import Position
    from wish_rollout.core.snapshot import Snapshot
    from wish_rollout.rollout.project import Project


class History:
    """The promises of one release. What ``meta/`` has is read from there; the rest is replayed, once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.journal = Journal(project.scripts.folder / "meta")
        self.journal.check(project.release)
        self._known: dict[Position, Recorded] = {}

    def record(self, position: Position) -> Recorded:
        """Give the snapshot of a position, and its revision's statements.

        Raises ForeignRevision, EditedHistory, BadJournal; and what a replay raises, where one is needed.
        """
        if position not in self._known:
            recorded = self.journal.recorded(position[0] if position else BASE) if len(position) < 2 else None
            if recorded is None:
                from wish_rollout.rollout.replay import replay

                self._known.update(replay(self.project, position))
            else:
                self._known[position] = recorded
        return self._known[position]

    def at(self, position: Position) -> Snapshot:
        """Give the schema that a database at this position has to have."""
        self.project.release.ancestors(position)
        return self.record(position).snapshot

    def promised(self, start: Position, end: Position) -> Delta:
        """Give the delta that going from one position to another promises."""
        return difference(self.at(start), self.at(end))

    def statements(self, start: Position) -> tuple[str, ...]:
        """List what a database at ``start`` is sent on its way to the head, as rehearsed on empty tables."""
        pending = self.project.release.pending(start)
        return tuple(text for revision in pending for text in self.record((revision.id,)).upgrade)
