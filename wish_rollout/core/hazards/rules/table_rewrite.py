"""A table with rows that is rewritten while reads and writes block."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.hazards.revision_code import literal, names_of
from wish_rollout.core.schema.domains import domain_checks, forbids_null
from wish_rollout.core.text.sql_tokens import tokenize_statements, unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep
    from wish_rollout.core.schema.change import ValuePair

KIND = "table-rewrite"
LOCK = "ACCESS EXCLUSIVE"
WHY = "{cause} rewrites the whole table and all of its indexes under a lock that blocks even reads (manual, ALTER TABLE, Notes)."
INSTEAD_COLUMN = """\
op.add_column({table}, sa.Column({column}, ..., nullable=True){schema})   # without the default: no rewrite
op.alter_column({table}, {column}, server_default=...{schema})   # for new rows
from wish_rollout.safe import backfill
backfill({table}, {{{column}: "..."}}, where={unset}{schema})   # for existing rows"""
INSTEAD_GENERATED = """\
op.add_column({table}, sa.Column({column}, ..., nullable=True){schema})   # an ordinary column
op.execute("CREATE FUNCTION ... RETURNS trigger ...")   # sets it: NEW.{plain} := ...
op.execute("CREATE TRIGGER ... BEFORE INSERT OR UPDATE ON ... FOR EACH ROW EXECUTE FUNCTION ...")
from wish_rollout.safe import backfill
backfill({table}, {{{column}: "..."}}, where={unset}{schema})   # for existing rows
# or compute it when it is read: a view, or since PostgreSQL 18 a virtual generated column"""
INSTEAD_TABLE = """\
# create a table of that kind, copy the rows in batches, and rename; or use a maintenance window:
allow_hazards = {"table-rewrite": "in the window of …"}"""
SERIAL = ("serial", "bigserial", "smallserial", "serial4", "serial8", "serial2")
REWRITING = ("persistence", "access method", "tablespace")


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield added columns whose value differs from row to row, and tables whose storage changes."""
    for table, change in step.changes("column", "added"):
        column = change.name.removeprefix(f"{table}.")
        cause = cause_of(change.properties, step.live.volatile, _had_default(step, table, column))
        kind = str(change.properties["type"][1])
        if not cause and (any(domain_checks(step.after, kind)) or forbids_null(step.after, kind)):
            cause = "Adding a column of a domain with constraints"
        if cause:
            template = INSTEAD_GENERATED if "generated" in change.properties else INSTEAD_COLUMN
            names = {**names_of(table, column=change.name), "plain": column}
            instead = template.format(**names, unset=literal(f"{column} IS NULL"))
            text = HazardText(LOCK, WHY.format(cause=cause), instead)
            yield step.hazard(KIND, f"column {change.name}", table, text)
    for table, change in step.changes("table", "changed"):
        for name in REWRITING:
            if name in change.properties:
                text = HazardText(LOCK, WHY.format(cause=f"Changing a table's {name}"), INSTEAD_TABLE)
                yield step.hazard(KIND, f"{name} of {table}", table, text)


def _had_default(step: RevisionStep, table: str, column: str) -> bool:
    """Return whether the column was added with its default, and did not get it afterwards."""
    action = step.script.find("add column", column, table)
    return action is None or action.says("default") or any(action.says(word) for word in SERIAL)


def cause_of(added: Mapping[str, ValuePair], volatile: Container[str], had_default: bool) -> str:
    """Return why adding a column rewrites the table, or "" if it does not (manual, 5.7.1 Adding a Column)."""
    if "identity" in added:
        return "Adding an identity column"
    if "generated" in added:
        return "" if "virtual" in added else "Adding a stored generated column"
    default = added.get("default", (None, None))[1]
    if (
        had_default
        and default
        and (called := sorted(name for name in calls(str(default)) if name in volatile))
    ):
        return f"Adding a column whose default calls the volatile {called[0]}()"
    return ""


@lru_cache(maxsize=4096)
def calls(expression: str) -> frozenset[str]:
    """Return the names of the functions that an expression calls. Many columns of a schema have the same default."""
    found: set[str] = set()
    for words in tokenize_statements(expression):
        found |= {unquote_identifier(word) for word, after in pairwise(words) if after == "("}
    return frozenset(found)
