"""Which tables other sessions cannot use while a statement reads or writes rows: from measurements and live sizes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.row_writes import written_tables
from wish_rollout.core.release.table_locks import LockMode
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import find_phrase, is_name_of, split_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.executed_statements import ExecutedStatement
    from wish_rollout.core.hazards.hazard import RevisionStep
    from wish_rollout.core.hazards.statement_actions import StatementAction

WHOLE_TABLE_ACTIONS = {
    "vacuum full": LockMode.ACCESS_EXCLUSIVE,
    "cluster": LockMode.ACCESS_EXCLUSIVE,
    "reindex": LockMode.SHARE,
    "refresh": LockMode.ACCESS_EXCLUSIVE,
}
"""Statements that may not run in a transaction block, so that their locks are not measured (manual, 13.3.1)."""


@dataclass(frozen=True, slots=True)
class Held:
    """A lock that a transaction holds, and the statement that took it."""

    mode: LockMode
    statement: ExecutedStatement


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock that blocks queries on ``table`` while ``during`` works on ``tables``. ``since``: took the lock."""

    table: str
    mode: LockMode
    since: ExecutedStatement
    during: ExecutedStatement
    tables: tuple[str, ...]

    @property
    def is_earlier(self) -> bool:
        """Whether an earlier statement took the lock."""
        return self.since is not self.during


@dataclass
class TransactionLocks:
    """The locks of the current transaction; it outlasts a revision if all revisions share one transaction.

    ``strongest``: of each relation in any transaction of the revision.
    """

    number: int = 0
    held: dict[str, Held] = field(default_factory=dict)
    strongest: dict[str, LockMode] = field(default_factory=dict)

    def begin_revision(self, *, shares_transaction: bool) -> None:
        """Forget the previous revision, but for the locks of a transaction that continues."""
        if not shares_transaction:
            self.held = {}
        self.number = 0
        self.strongest = {}

    def strongest_lock(self, relation: str) -> str:
        """Return the strongest lock on a relation in the revision; ``none`` if it only was looked up."""
        mode = self.strongest.get(relation, LockMode.ACCESS_SHARE)
        return "none" if mode is LockMode.ACCESS_SHARE else mode.sql

    def execute(self, step: RevisionStep, statement: ExecutedStatement) -> Iterator[HeldLock]:
        """Add the locks of a statement, and yield those that block queries while it works on tables with rows."""
        if statement.transaction != self.number:
            self.held, self.number = {}, statement.transaction
        for table, mode in _locks(step, statement):
            self.strongest[table] = max(mode, self.strongest.get(table, mode))
            if table not in self.held or mode > self.held[table].mode:
                self.held[table] = Held(mode, statement)
        tables = tuple(sorted(working_tables(step, statement)))
        if tables:
            for table, held in self.held.items():
                if _blocks_queries(step, table, held.mode) and step.holds_rows(table):
                    yield HeldLock(table, held.mode, held.statement, statement, tables)


def _blocks_queries(step: RevisionStep, table: str, mode: LockMode) -> bool:
    """Return whether a lock blocks reads, or writes; only REFRESH writes a materialized view."""
    if ("materialized view", table) in step.before.objects:
        return mode is LockMode.ACCESS_EXCLUSIVE
    return mode.blocks_queries


def _locks(step: RevisionStep, statement: ExecutedStatement) -> Iterator[tuple[str, LockMode]]:
    measured = statement.measured
    if measured is not None and measured.locks is not None:
        for lock in (*measured.locks, *measured.other_locks):
            yield snapshot_name(step, f"{lock.schema}.{lock.table}"), lock.mode
        return
    for action in _whole_table_actions(statement):
        for table in tables_of_action(step, action):
            yield table, WHOLE_TABLE_ACTIONS[action.verb]


def working_tables(step: RevisionStep, statement: ExecutedStatement) -> set[str]:
    """Return the tables with rows that a statement reads completely, rewrites, or writes as a whole."""
    measured = statement.measured
    if measured is None or measured.locks is None:
        actions = _whole_table_actions(statement)
        return {table for action in actions for table in tables_of_action(step, action)}
    found = {write.table for write in written_tables(step, statement)}
    estimate = step.live.estimates.get(statement.text)
    scans = measured.scans if estimate is None else estimate.scanned
    for name in (*scans, *measured.rewrites):
        table = snapshot_name(step, name)
        found |= {table} & step.live.tables.keys() or set(
            _tables_of_index(step, table, measured.rewrites, name)
        )
    return {table for table in found if step.holds_rows(table)}


def _tables_of_index(step: RevisionStep, index: str, rewrites: tuple[str, ...], name: str) -> list[str]:
    """Return the table of an index that was rewritten."""
    if name not in rewrites:
        return []
    properties = step.before.objects.get(("index", index))
    if properties is not None:
        return [str(properties["table"])]
    schema, own = split_last(index)
    constraints = (split_last(each) for each, _ in step.before.of_kind("constraint"))
    return [table for table, each in constraints if each == own and split_last(table)[0] == schema]


def snapshot_name(step: RevisionStep, name: str) -> str:
    """Return the name in a snapshot of a relation with a name without quotes."""
    if name in step.live.tables:
        return name
    for table in step.live.tables:
        if ".".join(split_name(table)) == name:
            return table
    return name


def _whole_table_actions(statement: ExecutedStatement) -> list[StatementAction]:
    return [
        action
        for action in statement.actions
        if action.verb in WHOLE_TABLE_ACTIONS and not is_concurrent(action)
    ]


def is_concurrent(action: StatementAction) -> bool:
    """Return whether a statement says CONCURRENTLY, as a word or as an option that is on."""
    place = find_phrase(action.words, "concurrently")
    return place >= 0 and action.words[place + 1 : place + 2] not in (("false",), ("off",), ("0",))


def tables_of_action(step: RevisionStep, action: StatementAction) -> list[str]:
    """Return the live tables with rows that a statement names, or whose index it names; all if it names none."""
    names = [name for name in step.live.tables if step.holds_rows(name)]
    if not action.name:
        return names
    indexes = [
        str(each["table"]) for name, each in step.before.of_kind("index") if is_name_of(action.name, name)
    ]
    keys = [
        split_last(name)[0]
        for name, _ in step.before.of_kind("constraint")
        if action.name[-1:] == split_name(split_last(name)[1])[-1:]
    ]
    of_index = [*indexes, *keys] if action.verb == "reindex" else []
    return [name for name in names if is_name_of(action.name, name) or name in of_index][:1]
