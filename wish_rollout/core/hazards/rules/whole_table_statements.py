"""Statements that write or lock a whole table with rows, and leave no trace in the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import Told
from wish_rollout.core.hazards.revision_code import names_of
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import is_name_of, split_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, Step
    from wish_rollout.core.hazards.script_statements import Act
    from wish_rollout.core.text.sql_tokens import NameParts


@dataclass(frozen=True, slots=True)
class Rule:
    """What is told of one kind of statement. ``safe_phrase``: with these words it is none."""

    kind: str
    lock: str
    why: str
    instead: str
    safe_phrase: tuple[str, ...]


WRITE = Rule(
    "whole-table-write",
    "ROW EXCLUSIVE, and every row's lock",
    "One {verb} of every row holds all of their locks until the end of the transaction, doubles the table, and "
    "keeps vacuum away from all others meanwhile.",
    """\
from wish_rollout.safe import backfill
backfill({table}, {{"column": "expression"}}, where="column IS NULL"{schema})   # in batches that commit""",
    ("where",),
)
TRUNCATE = Rule(
    "truncate",
    "ACCESS EXCLUSIVE",
    "Its rows are lost, and a reader with an older snapshot sees an empty table (manual, 13.6 Caveats).",
    "archive the rows first; delete them in batches if the table is in use",
    ("no", "such", "way"),
)
REBUILD = Rule(
    "whole-table-lock",
    "ACCESS EXCLUSIVE",
    "{verb} writes everything anew under a lock that keeps out even reads.",
    "{verb} … CONCURRENTLY in a transaction of its own, where there is one; pg_repack or a maintenance window else",
    ("concurrently",),
)
LOCKING = Rule(
    "whole-table-lock",
    "as it says, else ACCESS EXCLUSIVE",
    "{verb} keeps writers out, or all, until the end of the transaction, and whatever comes after it waits.",
    "leave it out: each statement takes the lock that it needs, and no more (manual, 13.3.1)",
    ("no", "such", "way"),
)
RULES = {
    "lock": LOCKING,
    "vacuum full": REBUILD,
    "update": WRITE,
    "delete": WRITE,
    "truncate": TRUNCATE,
    "cluster": REBUILD,
    "reindex": REBUILD,
    "refresh": REBUILD,
}
KINDS = tuple(dict.fromkeys(rule.kind for rule in RULES.values()))


def judge(step: Step) -> Iterator[Hazard]:
    """Find such statements on tables that hold rows."""
    for act in step.script.of_verb(*RULES):
        rule = RULES[act.verb]
        if act.says(*rule.safe_phrase) and act.words[-2:] != ("where", "true"):
            continue
        for table in _tables(step, act):
            verb = act.verb.upper()
            why, instead = rule.why.format(verb=verb), rule.instead.format(verb=verb, **names_of(table))
            yield step.hazard(rule.kind, f"{verb} {table}", table, Told(rule.lock, why, instead))


def _tables(step: Step, act: Act) -> list[str]:
    """Find the live table that a statement names, or the one of the index; all, where it names none."""
    names = [name for name in step.live.tables if step.holds_rows(name)]
    if not act.name:
        return names if act.verb in ("reindex", "vacuum full", "cluster") else []
    indexes = [
        str(each["table"]) for name, each in step.before.of_kind("index") if is_name_of(act.name, name)
    ]
    keys = [split_last(name)[0] for name, _ in step.before.of_kind("constraint") if _is_index(act.name, name)]
    of_index = [*indexes, *keys] if act.verb == "reindex" else []
    return [name for name in names if is_name_of(act.name, name) or name in of_index][:1]


def _is_index(written: NameParts, constraint: str) -> bool:
    """Whether it is the index of a constraint, which has the constraint's name and its table's schema."""
    return written[-1:] == split_name(constraint)[-1:]
