"""Changes of a schema that belong to no single revision: those of merged branches, and what a downgrade leaves."""

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


class MergedChanges:
    """What other branches add to the schema before the next revision of a line."""

    def __init__(self) -> None:
        self._pairs: dict[Key, tuple[Any, Any]] = {}

    def compare(self, parent: Mapping[Key, Any], present: Mapping[Key, Any]) -> None:
        """Note what differs between the schema of the next revision's parent and the present one."""
        for key in parent.keys() | present.keys():
            if parent.get(key) != present.get(key):
                self._pairs[key] = parent.get(key), present.get(key)

    def add(self, change: Change) -> None:
        """Add what a revision of another branch changes."""
        for key in change.keys:
            first = self._pairs[key][0] if key in self._pairs else change.before.get(key)
            self._pairs[key] = first, change.after.get(key)

    def changes(self) -> dict[Key, Any]:
        """Return the objects that differ, as they are after all branches; None for those that are gone."""
        return {key: after for key, (before, after) in sorted(self._pairs.items()) if before != after}


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
