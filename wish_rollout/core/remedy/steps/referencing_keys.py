"""Foreign keys that do not let a partition go, since they reference its rows. Manual, ALTER TABLE, DETACH PARTITION."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.schema.snapshot import Key


def referencing_keys(changes: ChangeSet, key: Key) -> list[Key]:
    """Return the foreign keys to the tables above a partition that gets another bound: it is separated meanwhile."""
    pairs = changes.changed.get(key, {})
    if "partition bound" not in pairs or "partition of" in pairs:
        return []
    return [
        other
        for other in sorted(changes.before.dependents.get(key, ()))
        if changes.draft.live[other].get("type") == "foreign key"
        and changes.draft.live[other]["references"] != key[1]
    ]
