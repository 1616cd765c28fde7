"""What history promises: the schema that each position leads to, recorded in ``meta/`` or replayed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wish_rollout import __version__
from wish_rollout.core.plan.plan import canonical_digest
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.extension_versions import pin_versions
from wish_rollout.revisions.journal import BASE, Journal, Recorded
from wish_rollout.rollout.project.base_schema import base_digest

if TYPE_CHECKING:
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.project.release_source import ReleaseSource


CACHE = Path(".dagster") / "replays"
"""Beside rollout.toml: what replays of unrecorded releases came to, a folder a release."""


class History:
    """The promises of one release. What ``meta/`` has is read from there; the rest is replayed, once."""

    def __init__(self, project: ReleaseSource) -> None:
        self.project = project
        self.journal = Journal(project.scripts.folder / "meta")
        self.journal.check(project.release)
        self.replayed = Journal(project.config.root / CACHE / cache_key(project))
        self._known: dict[Position, Recorded] = {}

    def record(self, position: Position) -> Recorded:
        """Give the snapshot of a position, and its revision's statements.

        Raises ForeignRevision, ScriptEdited, InvalidReleaseRecord; and what a replay raises, where one is needed.
        """
        if position not in self._known:
            name = (position[0] if position else BASE) if len(position) < 2 else None
            recorded = name and (self.journal.recorded(name) or self.replayed.recorded(name))
            if recorded:
                # recorded before a later revision pinned an extension's version, perhaps
                snapshot = pin_versions(recorded.snapshot, self.project.scope_of().pinned_extensions)
                self._known[position] = replace(recorded, snapshot=snapshot)
            else:
                self._replay(position)
        return self._known[position]

    def _replay(self, position: Position) -> None:
        """Replay the release, and keep what came of it: the next process asks for the same."""
        from wish_rollout.rollout.project.replay import replay

        found = replay(self.project, position)
        self._known.update(found)
        named = {name[0] if name else BASE: entry for name, entry in found.items() if len(name) < 2}
        with suppress(OSError):  # a worker without a place to write replays each time
            self.replayed.write(self.project.release, named)

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


def cache_key(project: ReleaseSource) -> str:
    """Name what a replay depends on: the scripts, what a snapshot holds, and the tool that reads it."""
    parts = [__version__, project.release.name, repr(project.scope_of()), base_digest(project)]
    return canonical_digest(parts)[:32]
