"""An index built without CONCURRENTLY on a table with rows: writes block during the whole build."""

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
    "CREATE INDEX reads the whole table under a SHARE lock: reads continue, and every INSERT, UPDATE and DELETE blocks until "
    "the index is complete (manual, CREATE INDEX)."
)
INSTEAD = """\
from wish_rollout.safe import create_index_concurrently
create_index_concurrently({index}, {table}, [...]{schema})"""
INSTEAD_PARTITIONED = """\
from wish_rollout.safe import create_partitioned_index
create_partitioned_index({index}, {table}, [...]{schema})   # on each partition CONCURRENTLY, then attached"""


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield indexes that are built, or built again, under a lock that blocks writes."""
    for table, change in step.changes("index", "added", "changed"):
        nameless = step.script.find_nameless("create index", table)
        action = step.script.find("create index", change.name) or nameless
        is_partitioned = "partition by" in step.after.objects.get(("table", table), {})
        if action is not None and action.says("on", "only") and is_partitioned:
            continue  # an index of the partitioned table only: no rows are read
        if action is None and change.change == "changed":
            continue  # a setting changed, or a column was renamed
        if action is None or not action.says("concurrently"):
            template = INSTEAD_PARTITIONED if is_partitioned else INSTEAD
            instead = template.format(**names_of(table, index=change.name))
            yield step.hazard(KIND, f"index {change.name}", table, HazardText(LOCK, WHY, instead))
