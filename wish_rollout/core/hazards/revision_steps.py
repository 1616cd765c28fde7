"""From pending revisions to steps: renames are followed, so that a table is assessed with the rows that it has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.executed_statements import executed_statements
from wish_rollout.core.hazards.hazard import LiveFacts, RevisionStep
from wish_rollout.core.hazards.rename_tracking import find_renames, with_renames
from wish_rollout.core.hazards.script_statements import Script
from wish_rollout.core.schema.comparison import difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wish_rollout.core.hazards.pending_revision import PendingRevision


def revision_steps(pending: Iterable[PendingRevision], live: LiveFacts) -> Iterator[RevisionStep]:
    """Yield each revision as a step, with the tables under the names that they have before and after it."""
    tables = dict(live.tables)
    for revision in pending:
        script = Script(revision.statements)
        renamed = find_renames(script, revision.before, revision.after)
        before = with_renames(revision.before, renamed)
        for (kind, old), new in renamed.items():
            if kind == "table" and old in tables:
                tables[new] = tables[old]
        yield RevisionStep(
            revision.revision,
            difference(before, revision.after),
            revision.before,
            revision.after,
            script,
            replace(live, tables=dict(tables)),
            renamed,
            executed_statements(revision),
        )
        for kind, name in revision.before.objects:
            if kind == "table" and (kind, name) not in revision.after.objects:
                tables.pop(name, None)
