"""An index dropped that queries use, or dropped without CONCURRENTLY on a table with rows."""

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
    "DROP INDEX waits for every query on the table and holds up all that come after it meanwhile "
    "(manual, DROP INDEX)."
)
WHY_USED = "It was used {scans:,} times since statistics were reset: those queries will read whole tables."
INSTEAD = """\
from wish_rollout.safe import drop_index_concurrently
drop_index_concurrently({index}{schema})"""
INSTEAD_USED = "# make the index that takes its place first, and see that its scans stop; then:\n"


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Find indexes that go while their table stays."""
    for table, change in step.changes("index", "removed"):
        action = step.script.find("drop index", change.name)
        concurrently = action is not None and action.says("concurrently")
        scans = step.live.scans.get(change.name, 0)
        if concurrently and not scans:
            continue
        why = ([] if concurrently else [WHY]) + ([WHY_USED.format(scans=scans)] if scans else [])
        instead = (INSTEAD_USED if scans else "") + INSTEAD.format(**names_of(table, index=change.name))
        lock = "SHARE UPDATE EXCLUSIVE" if concurrently else LOCK
        yield step.hazard(KIND, f"index {change.name}", table, HazardText(lock, " ".join(why), instead))
