"""An index built without CONCURRENTLY on a table with rows: every write waits for the whole build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.hazards.revision_code import names_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep

KIND = "index-without-concurrently"
LOCK = "SHARE"
WHY = (
    "CREATE INDEX reads the whole table under a SHARE lock: reads go on, and every INSERT, UPDATE and DELETE "
    "waits until it is done (manual, CREATE INDEX)."
)
INSTEAD = """\
from wish_rollout.safe import create_index_concurrently
create_index_concurrently({index}, {table}, [...]{schema})"""


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Find indexes that are built, or built anew, while the table's writers wait."""
    for table, change in step.changes("index", "added", "changed"):
        action = step.script.find("create index", change.name) or step.script.find_nameless(
            "create index", table
        )
        if (
            action is not None
            and action.says("on", "only")
            and "partition by" in step.after.objects.get(("table", table), {})
        ):
            continue  # an index of the whole that has no part yet: nothing is read
        if action is None and change.change == "changed":
            continue  # a setting of it changed, or what it stands on was renamed
        if action is None or not action.says("concurrently"):
            instead = INSTEAD.format(**names_of(table, index=change.name))
            yield step.hazard(KIND, f"index {change.name}", table, HazardText(LOCK, WHY, instead))
