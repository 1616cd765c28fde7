"""An index built without CONCURRENTLY on a table with rows: every write waits for the whole build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import Told
from wish_rollout.core.hazards.revision_code import names_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, Step

KIND = "index-without-concurrently"
LOCK = "SHARE"
WHY = (
    "CREATE INDEX reads the whole table under a SHARE lock: reads go on, and every INSERT, UPDATE and DELETE "
    "waits until it is done (manual, CREATE INDEX)."
)
INSTEAD = """\
from wish_rollout.safe import create_index_concurrently
create_index_concurrently({index}, {table}, [...]{schema})"""


def judge(step: Step) -> Iterator[Hazard]:
    """Find indexes that are built, or built anew, while the table's writers wait."""
    for table, change in step.changes("index", "added", "changed"):
        act = step.script.find("create index", change.name) or step.script.nameless("create index", table)
        if (
            act is not None
            and act.says("on", "only")
            and "partition by" in step.after.objects.get(("table", table), {})
        ):
            continue  # an index of the whole that has no part yet: nothing is read
        if act is None and change.change == "changed":
            continue  # a setting of it changed, or what it stands on was renamed
        if act is None or not act.says("concurrently"):
            instead = INSTEAD.format(**names_of(table, index=change.name))
            yield step.hazard(KIND, f"index {change.name}", table, Told(LOCK, WHY, instead))
