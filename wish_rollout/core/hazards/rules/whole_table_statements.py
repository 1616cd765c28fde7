"""Statements that write or lock a whole table with rows and do not change the catalog."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.blocked_tables import is_concurrent, tables_of_action
from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.hazards.revision_code import names_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Danger, Hazard, RevisionStep
    from wish_rollout.core.hazards.row_writes import TableWrite
    from wish_rollout.core.hazards.statement_actions import StatementAction


@dataclass(frozen=True, slots=True)
class Rule:
    """The hazard of one kind of statement."""

    kind: str
    lock: str
    why: str
    instead: str
    dangers: tuple[Danger, ...]

    def text(self, verb: str, table: str) -> HazardText:
        """Return the text of the hazard on a table."""
        why, instead = self.why.format(verb=verb), self.instead.format(verb=verb, **names_of(table))
        return HazardText(self.lock, why, instead, self.dangers)


LOCK = "whole-table-lock"
WRITE = Rule(
    "whole-table-write",
    "ROW EXCLUSIVE",
    "One {verb} of all or many rows holds their row locks until the end of the transaction, and leaves as many dead rows.",
    """\
from wish_rollout.safe import backfill
backfill({table}, {{"column": "expression"}}, where="column IS NULL"{schema})   # in batches that commit""",
    ("row locks",),
)
DELETE = replace(
    WRITE,
    why=f"{WRITE.why} The rows are lost, and the running application no longer finds them.",
    instead="""\
# archive the rows; then delete them in batches, each in a transaction of its own; and allow it here, with the reason:
allow_hazards = {{"whole-table-write": "archived in …"}}""",
    dangers=("row locks", "lost", "breaks"),
)
TRUNCATE = Rule(
    "truncate",
    "ACCESS EXCLUSIVE",
    "All rows are lost. Reads and writes block until the transaction ends, and a transaction with an older snapshot sees an "
    "empty table (manual, 13.6 Caveats).",
    """\
# archive the rows; if the table is in use, delete them in batches; and allow it here, with the reason:
allow_hazards = {{"truncate": "archived in …"}}""",
    ("held", "lost", "breaks"),
)
REBUILD = Rule(
    LOCK,
    "ACCESS EXCLUSIVE",
    "{verb} rewrites the table or its indexes under a lock that blocks other sessions.",
    """\
# {verb} … CONCURRENTLY, in an autocommit_block(), where PostgreSQL has it; otherwise pg_repack, or a maintenance window:
allow_hazards = {{"whole-table-lock": "in the window of …"}}""",
    ("held",),
)
REINDEX = replace(REBUILD, lock="SHARE")
LOCKING = Rule(
    LOCK,
    "ACCESS EXCLUSIVE",
    "{verb} blocks other sessions until the end of the transaction.",
    "# omit it: each statement takes the lock that it needs, and no stronger one (manual, 13.3.1)",
    ("held",),
)
RULES = {
    "lock": LOCKING,
    "vacuum full": REBUILD,
    "update": WRITE,
    "delete": DELETE,
    "truncate": TRUNCATE,
    "cluster": REBUILD,
    "reindex": REINDEX,
    "refresh": REBUILD,
}
KINDS = tuple(dict.fromkeys(rule.kind for rule in RULES.values()))


def write_text(write: TableWrite) -> HazardText:
    """Return the text of the hazard of a statement that writes many rows."""
    return (DELETE if write.deletes else WRITE).text("DELETE" if write.deletes else "UPDATE", write.table)


def truncate_text(table: str) -> HazardText:
    """Return the text of the hazard of a statement that removes all rows of a table."""
    return TRUNCATE.text("TRUNCATE", table)


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield such statements on tables that have rows."""
    for action in step.script.of_verb(*RULES):
        if is_concurrent(action) or _has_condition(action):
            continue
        names_all = action.verb in ("reindex", "vacuum full", "cluster")
        for table in tables_of_action(step, action) if action.name or names_all else ():
            rule, verb = RULES[action.verb], action.verb.upper()
            yield step.hazard(rule.kind, f"{verb} {table}", table, rule.text(verb, table))


def _has_condition(action: StatementAction) -> bool:
    is_write = action.verb in ("update", "delete")
    return is_write and action.says("where") and action.words[-2:] != ("where", "true")
