"""Changes of a schema that are not those of one script: of merged branches, of env.py, and what a downgrade leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.schema.rollback_differences import unforeseen_after_rollback
from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.schema.snapshot import Key
    from wish_rollout.postgres.changes.snapshot_change import Change
    from wish_rollout.postgres.changes.snapshot_tracker import SnapshotTracker
    from wish_rollout.postgres.changes.written_rows import Moment


class MergedChanges:
    """What several changes, such as those of other branches before the next revision of a line, come to."""

    def __init__(self, *changes: Change) -> None:
        self._pairs: dict[Key, tuple[Any, Any]] = {}
        self.add(*changes)

    def compare(self, parent: Mapping[Key, Any], present: Mapping[Key, Any]) -> None:
        """Note what differs between the schema of the next revision's parent and the present one."""
        for key in parent.keys() | present.keys():
            if parent.get(key) != present.get(key):
                self._pairs[key] = parent.get(key), present.get(key)

    def add(self, *changes: Change) -> None:
        """Add changes, such as that of a revision of another branch."""
        for change in changes:
            for key in change.keys:
                first = self._pairs[key][0] if key in self._pairs else change.before.get(key)
                self._pairs[key] = first, change.after.get(key)

    def changes(self) -> dict[Key, Any]:
        """Return the objects that differ, as they are after all branches; None for those that are gone."""
        return {key: after for key, (before, after) in sorted(self._pairs.items()) if before != after}

    def before(self) -> dict[Key, Any]:
        """Return the objects as they were before all."""
        return {key: pair[0] for key, pair in self._pairs.items() if pair[0] is not None}

    def after(self) -> dict[Key, Any]:
        """Return the objects as they are after all."""
        return {key: pair[1] for key, pair in self._pairs.items() if pair[1] is not None}


class EnvChanges:
    """What env.py itself changes before the first script of a run, such as a schema that it creates.

    It is recorded with that script's revision: a database has it as soon as it has one revision.
    """

    def __init__(self, tracker: SnapshotTracker) -> None:
        self.tracker = tracker
        self._mark: Moment | None = None
        self._changes: list[Change] = []

    def expect(self, mark: Moment | None = None) -> None:
        """Note that env.py is about to run. ``mark``: a moment before it; by default the present one."""
        self._mark = mark or self.tracker.mark()

    def read(self) -> None:
        """Read what env.py has changed, before the first script; before others, do nothing."""
        if self._mark is None:
            return
        change = self.tracker.read(self._mark, committed=True)
        self.tracker.accept(change)
        self._mark, self._changes = None, [change]

    def take_with(self, change: Change) -> tuple[list[Change], str]:
        """Return what env.py and then the first script have changed; and why no downgrade takes that back, or ""."""
        changes, self._changes = self._changes, []
        merged, readable = MergedChanges(*changes), self.tracker.readable_properties
        delta = difference(Snapshot(merged.before(), readable), Snapshot(merged.after(), readable))
        kept = f"env.py itself has {summarize_delta(delta)}, which no downgrade() takes back" if delta else ""
        return [*changes, change], kept


def what_downgrade_left(tracker: SnapshotTracker, up: Change, down: Change) -> str:
    """Return the difference between the schema before an upgrade and the one after its downgrade; empty if none.

    What a plan of a rollback foresees is left out: see ``unforeseen_after_rollback``. ``tracker`` has accepted ``up``,
    and not yet ``down``.
    """
    keys = up.keys | down.keys
    before: dict[Any, Any] = {key: tracker.objects[key] for key in down.before if key not in up.keys}
    before |= up.before
    after = {key: tracker.objects[key] for key in keys - down.keys if key in tracker.objects}
    after |= down.after
    if before == after:
        return ""
    readable = tracker.readable_properties
    unforeseen = unforeseen_after_rollback(difference(Snapshot(before, readable), Snapshot(after, readable)))
    return summarize_delta(unforeseen) if unforeseen else ""
