"""Partitions that are detached, and attached again: to get another bound, or while their table is created again.

Manual, ALTER TABLE, DETACH PARTITION.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.graph.dependencies import Dependencies
    from wish_rollout.core.schema.snapshot import Key


def separated_partitions(
    draft: Draft, before: Dependencies, changed: Mapping[Key, Pairs]
) -> dict[Key, Pairs]:
    """Return the changes of the partitions that stay while their table is dropped and created again."""
    found = {}
    for key in (key for key, pairs in changed.items() if key[0] == "table" and "partition by" in pairs):
        for child in before.children.get(key[1], ()):
            for other in (("table", child), ("foreign table", child)):
                live, target = (each.get(other, {}) for each in (draft.live, draft.target))
                if live.get("partition of") == target.get("partition of") == key[1]:
                    bounds = (live["partition bound"], target["partition bound"])
                    found[other] = {**changed.get(other, {}), "partition bound": bounds}
    return found
