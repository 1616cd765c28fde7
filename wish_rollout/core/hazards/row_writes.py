"""Which rows a statement writes: the planner's estimate on the live database, or what example rows showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.text.sql_tokens import is_name_of, split_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.executed_statements import ExecutedStatement
    from wish_rollout.core.hazards.hazard import RevisionStep
    from wish_rollout.core.release.measurements import TableWrites

LARGE_SHARE = 0.1
LARGE_COUNT = 10_000
"""A statement that writes this share, or this number, of a table's rows counts as one that writes the table as a whole."""


@dataclass(frozen=True, slots=True)
class TableWrite:
    """A statement updates or deletes many rows of a table."""

    table: str
    deletes: bool


def written_tables(step: RevisionStep, statement: ExecutedStatement) -> Iterator[TableWrite]:
    """Yield the tables with rows of which a statement updates or deletes many rows."""
    estimate = step.live.estimates.get(statement.text)
    measured = {each.table: each for each in (statement.measured.writes if statement.measured else ())}
    says_delete = any(tokens[0] == "delete" or "delete" in tokens for tokens in statement.tokens)
    for table, facts in step.live.tables.items():
        if facts.rows == 0:
            continue
        example = measured.get(".".join(split_name(table)))
        if estimate is not None and table in estimate.written:
            count = estimate.written[table]
            is_whole = count >= min(LARGE_COUNT, max(1, facts.rows * LARGE_SHARE))
            deletes = says_delete if example is None else example.deleted > 0
        else:
            is_whole = _writes_all(example) or (estimate is None and _says_all(statement, table))
            deletes = says_delete if example is None else example.deleted > 0
        if is_whole:
            yield TableWrite(table, deletes)


def _writes_all(example: TableWrites | None) -> bool:
    return example is not None and 0 < example.rows <= example.updated + example.deleted


def _says_all(statement: ExecutedStatement, table: str) -> bool:
    """Return whether an UPDATE or DELETE of the table has no WHERE."""
    return any(
        action.verb in ("update", "delete") and not action.says("where") and is_name_of(action.name, table)
        for action in statement.actions
    )
