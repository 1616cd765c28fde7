"""Partitions that are detached, and attached again: to get another bound, or while their table is created again.

Manual, ALTER TABLE, DETACH PARTITION.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Pairs
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.schema.snapshot import Key


def separated_partitions(changes: ChangeSet) -> dict[Key, Pairs]:
    """Return the changes of the partitions that stay while their table is dropped and created again."""
    found = {}
    for key in (
        key for key, pairs in changes.changed.items() if key[0] == "table" and "partition by" in pairs
    ):
        for child in changes.before.children.get(key[1], ()):
            for other in (("table", child), ("foreign table", child)):
                live, target = (each.get(other, {}) for each in (changes.draft.live, changes.draft.target))
                if live.get("partition of") == target.get("partition of") == key[1]:
                    bounds = (live["partition bound"], target["partition bound"])
                    found[other] = {**changes.changed.get(other, {}), "partition bound": bounds}
    return found


def is_separated(changes: ChangeSet, table: str) -> bool:
    """Return whether a partition is detached, perhaps to be attached again."""
    pairs = changes.changed.get(("table", table)) or changes.changed.get(("foreign table", table)) or {}
    return bool({"partition bound", "partition of"} & pairs.keys())


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
