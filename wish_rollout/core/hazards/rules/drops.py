"""A table or column dropped that holds rows: what is gone is gone, and code that still reads it fails."""

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

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep
    from wish_rollout.core.schema.change import Change

TABLE, COLUMN, VIEW = "drop-table", "drop-column", "drop-view"
LOCK = "ACCESS EXCLUSIVE"
WHY_TABLE = "Its rows are lost with it, and every query that still names it fails from then on."
WHY_COLUMN = (
    "Its values are lost with it, and every query that still names it fails from then on; the lock is short, "
    "but waits for every query on the table."
)
WHY_VIEW = "Every query that still names it fails from then on."
INSTEAD_VIEW = """\
# first a release of the application that does not use it; then allow it here, with the reason:
allow_hazards = {"drop-view": "unused since release …"}"""
INSTEAD_TABLE = """\
# first a release of the application that does not use it; then, for as long as somebody may want it back:
op.rename_table({table}, {retired}{schema})"""
INSTEAD_COLUMN = """\
# first a release of the application that neither reads nor writes {column}; then allow it here, with the reason:
allow_hazards = {{"drop-column": "unused since release …; archived in …"}}"""


def losses(hazards: Iterable[Hazard]) -> str:
    """Name what goes with these, and out of how many rows; empty where nothing does."""
    gone = [hazard for hazard in hazards if hazard.kind in (TABLE, COLUMN)]
    return ", ".join(f"{hazard.subject} (of {hazard.rows:,} rows)" for hazard in gone)


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Find tables and columns that go with what they hold."""
    for change in step.delta.changes:
        if change.change != "removed" or not step.holds_rows(step.table_of(change)):
            continue
        if change.kind in ("table", "foreign table"):
            retired = literal(f"{unquote_identifier(split_last(change.name)[1])}_retired"[:63])
            instead = INSTEAD_TABLE.format(**names_of(change.name), retired=retired)
            yield step.hazard(
                TABLE, f"table {change.name}", change.name, HazardText(LOCK, WHY_TABLE, instead)
            )
        elif change.kind == "column" and ("table", step.table_of(change)) in step.after.objects:
            table, column = split_last(change.name)
            instead = INSTEAD_COLUMN.format(column=column)
            yield step.hazard(COLUMN, f"column {change.name}", table, HazardText(LOCK, WHY_COLUMN, instead))
    yield from _views(step)


def _views(step: RevisionStep) -> Iterator[Hazard]:
    """Find views that go and show rows of a table that stays."""
    for change in step.delta.changes:
        if change.change != "removed" or change.kind not in ("view", "materialized view"):
            continue
        tables = [change.name] if change.kind == "materialized view" else sorted(step.live.tables)
        read = [name for name in tables if name == change.name or reads(change, name)]
        table = next((name for name in read if step.holds_rows(name)), None)
        if table:
            yield step.hazard(
                VIEW, f"{change.kind} {change.name}", table, HazardText(LOCK, WHY_VIEW, INSTEAD_VIEW)
            )


def reads(change: Change, table: str) -> bool:
    """Whether the view that goes reads a table; its definition names it with its schema."""
    words = tokenize_statements(str(change.properties.get("definition", ("",))[0] or ""))
    schema, *last = split_name(table)
    return any(contains_phrase(tuple(map(unquote_identifier, each)), schema, ".", *last) for each in words)
