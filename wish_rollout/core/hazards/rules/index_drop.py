"""A dropped index that queries use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.hazards.revision_code import names_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep

KIND = "drop-index"
LOCK = "ACCESS EXCLUSIVE"
WHY = (
    "Queries used it {scans:,} times since the statistics were reset (pg_stat_all_indexes). They become slower: they read "
    "whole tables, or use another index."
)
INSTEAD = """\
# build the index that replaces it first, and wait until the old one is no longer used; then:
from wish_rollout.safe import drop_index_concurrently
drop_index_concurrently({index}{schema})"""


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield dropped indexes that were used, while their table stays."""
    for table, change in step.changes("index", "removed"):
        scans = step.live.scans.get(change.name, 0)
        if scans:
            instead = INSTEAD.format(**names_of(table, index=change.name))
            text = HazardText(LOCK, WHY.format(scans=scans), instead, ("slower",))
            yield step.hazard(KIND, f"index {change.name}", table, text)
