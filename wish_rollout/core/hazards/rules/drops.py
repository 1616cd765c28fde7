"""A dropped table, column or view: its rows are lost, and queries that name it fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.hazards.revision_code import literal, names_of
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import (
    contains_phrase,
    split_name,
    tokenize_statements,
    unquote_identifier,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wish_rollout.core.hazards.hazard import Danger, Hazard, RevisionStep
    from wish_rollout.core.schema.change import Change

TABLE, COLUMN, VIEW = "drop-table", "drop-column", "drop-view"
LOCK = "ACCESS EXCLUSIVE"
LOST_AND_BREAKS: tuple[Danger, ...] = ("lost", "breaks")
WHY_TABLE = "The rows of the table are lost. Every statement of the running application that names it fails from then on."
WHY_COLUMN = "The values of the column are lost. Every statement of the running application that names it fails from then on."
WHY_VIEW = "Every statement of the running application that names the view fails from then on."
WHY_STORED_VIEW = f"The rows of the view are lost. {WHY_VIEW}"
INSTEAD_VIEW = """\
# first release an application that does not use it; then allow it here, with the reason:
allow_hazards = {"drop-view": "unused since release …"}"""
INSTEAD_TABLE = """\
# first release an application that does not use it; then, for as long as the rows may be needed:
op.rename_table({table}, {retired}{schema})
# and allow it here, with the reason: the old name is not used any more
allow_hazards = {{"rename": "unused since release …"}}"""
INSTEAD_COLUMN = """\
# first release an application that neither reads nor writes {column}; then allow it here, with the reason:
allow_hazards = {{"drop-column": "unused since release …; archived in …"}}"""


def losses(hazards: Iterable[Hazard]) -> str:
    """Return what is dropped, each with its table's number of rows, or "" if nothing is."""
    dropped = [hazard for hazard in hazards if hazard.kind in (TABLE, COLUMN)]
    return ", ".join(f"{hazard.subject} (of {hazard.rows:,} rows)" for hazard in dropped)


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield dropped tables and columns with rows, and dropped views of such tables."""
    for change in step.delta.changes:
        if change.change != "removed" or not step.holds_rows(step.table_of(change)):
            continue
        if change.kind in ("table", "foreign table"):
            retired = literal(f"{unquote_identifier(split_last(change.name)[1])}_retired"[:63])
            instead = INSTEAD_TABLE.format(**names_of(change.name), retired=retired)
            text = HazardText(LOCK, WHY_TABLE, instead, LOST_AND_BREAKS)
            yield step.hazard(TABLE, f"table {change.name}", change.name, text)
        elif change.kind == "column" and ("table", step.table_of(change)) in step.after.objects:
            table, column = split_last(change.name)
            text = HazardText(LOCK, WHY_COLUMN, INSTEAD_COLUMN.format(column=column), LOST_AND_BREAKS)
            yield step.hazard(COLUMN, f"column {change.name}", table, text)
    yield from _views(step)


def _views(step: RevisionStep) -> Iterator[Hazard]:
    for change in step.delta.changes:
        if change.change != "removed" or change.kind not in ("view", "materialized view"):
            continue
        is_stored = change.kind == "materialized view"
        if step.live.in_use:
            text = HazardText(
                LOCK,
                WHY_STORED_VIEW if is_stored else WHY_VIEW,
                INSTEAD_VIEW,
                LOST_AND_BREAKS if is_stored else ("breaks",),
            )
            yield step.hazard(VIEW, f"{change.kind} {change.name}", change.name, text)


def reads_table(change: Change, table: str) -> bool:
    """Return whether a dropped view reads a table; the definition of a view names it with its schema."""
    statements = tokenize_statements(str(change.properties.get("definition", ("",))[0] or ""))
    schema, *last = split_name(table)
    return any(
        contains_phrase(tuple(map(unquote_identifier, tokens)), schema, ".", *last) for tokens in statements
    )
