"""From pending revisions to steps: renames are followed, so that a table is judged by the rows that it has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import Live, Step
from wish_rollout.core.hazards.rename_tracking import find_renames, with_renames
from wish_rollout.core.hazards.script_statements import Script
from wish_rollout.core.schema.comparison import difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wish_rollout.core.hazards.pending_revision import Pending


def steps(pending: Iterable[Pending], live: Live) -> Iterator[Step]:
    """Give each revision as a step that is judged on the tables as they are when its turn comes."""
    tables = dict(live.tables)
    for one in pending:
        script = Script(one.statements)
        renamed = find_renames(script, one.before, one.after)
        before = with_renames(one.before, renamed)
        for (kind, old), new in renamed.items():
            if kind == "table" and old in tables:
                tables[new] = tables[old]
        delta = difference(before, one.after)
        now = replace(live, tables=dict(tables))
        yield Step(one.revision, delta, before, one.after, script, now, renamed)
        gone = [
            name
            for (kind, name) in one.before.objects
            if kind == "table" and (kind, name) not in one.after.objects
        ]
        for name in gone:
            tables.pop(name, None)
