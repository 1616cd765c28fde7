"""Hazards of locks and of written rows, from measurements. The rules only give them names and safe code."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.blocked_tables import is_concurrent, snapshot_name
from wish_rollout.core.hazards.row_writes import written_tables
from wish_rollout.core.hazards.rules import (
    constraints,
    index_build,
    not_null,
    partition_attach,
    table_rewrite,
    type_change,
    whole_table_statements,
)
from wish_rollout.core.hazards.rules.held_locks import earlier_lock_hazard, unnamed_hazard
from wish_rollout.core.schema.inheritance import ancestors_of
from wish_rollout.core.text.sql_tokens import unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wish_rollout.core.hazards.blocked_tables import HeldLock, TransactionLocks
    from wish_rollout.core.hazards.executed_statements import ExecutedStatement
    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep
    from wish_rollout.core.hazards.statement_actions import StatementAction

LOCK_KINDS = frozenset(
    {
        index_build.KIND,
        table_rewrite.KIND,
        type_change.KIND,
        not_null.KIND,
        partition_attach.KIND,
        whole_table_statements.LOCK,
        whole_table_statements.WRITE.kind,
        whole_table_statements.TRUNCATE.kind,
        *constraints.KINDS,
    }
)
"""Kinds that are only reported where a measurement shows the danger."""
KIND_OF_CONSTRAINT = {
    "check": "check-scan",
    "foreign": "foreign-key-scan",
    "references": "foreign-key-scan",
    "unique": "unique-builds-index",
    "primary": "unique-builds-index",
    "exclude": "exclusion-builds-index",
}
KIND_OF_VERB = {
    "create index": index_build.KIND,
    "set not null": not_null.KIND,
    "alter type of": type_change.KIND,
    "attach partition": partition_attach.KIND,
    "create partition": partition_attach.KIND,
    "alter domain": "check-scan",
    "truncate": whole_table_statements.TRUNCATE.kind,
    "reindex": whole_table_statements.LOCK,
    "cluster": whole_table_statements.LOCK,
    "vacuum full": whole_table_statements.LOCK,
    "refresh": whole_table_statements.LOCK,
    "set storage": table_rewrite.KIND,
}


@dataclass
class MeasuredHazards:
    """Collects the hazards of one revision. ``candidates``: what the rules say about its text."""

    step: RevisionStep
    candidates: Sequence[Hazard]
    found: list[Hazard] = field(default_factory=list)

    def collect(self, locks: TransactionLocks) -> list[Hazard]:
        """Return the hazards of all statements, in order, each once."""
        for statement in self.step.executed:
            held = list(locks.execute(self.step, statement))
            self._add_writes(statement, locks)
            if statement.measured is None:
                self._add(hazard for hazard in self.candidates if _is_named(hazard, statement))
            self._add_locks(_without_descendants(self.step, held), statement)
        return list({(hazard.kind, hazard.subject, hazard.table): hazard for hazard in self.found}.values())

    def _add(self, hazards: Iterable[Hazard]) -> None:
        self.found += hazards

    def _add_locks(self, held: Sequence[HeldLock], statement: ExecutedStatement) -> None:
        own = [lock for lock in held if not lock.is_earlier]
        worked = {table for lock in held for table in lock.tables}
        named = self._named(statement, {lock.table for lock in own} | worked) if held else []
        modes = {lock.table: lock.mode.sql for lock in held}
        self._add(replace(each, lock=modes.get(each.table, each.lock)) for each in named)
        reported = {hazard.table for hazard in named}
        if own and not named:
            strongest = max(own, key=lambda lock: (lock.table in lock.tables, lock.mode))
            kind = next(iter(kinds_of(statement)), None)
            self._add([unnamed_hazard(self.step, strongest, kind)])
            reported.add(strongest.table)
        for lock in held:
            if lock.is_earlier and lock.table not in reported:
                self._add([earlier_lock_hazard(self.step, lock)])

    def _named(self, statement: ExecutedStatement, tables: set[str]) -> list[Hazard]:
        """Return the hazards that the rules found for this statement on these tables."""
        kinds = kinds_of(statement)
        found = [
            hazard
            for hazard in self.candidates
            if hazard.kind in LOCK_KINDS
            and hazard.kind != whole_table_statements.WRITE.kind
            and hazard.table in tables
            and (hazard.kind in kinds if kinds else _is_named(hazard, statement))
        ]
        return [hazard for hazard in found if _is_named(hazard, statement)] or found

    def _add_writes(self, statement: ExecutedStatement, locks: TransactionLocks) -> None:
        """Add the hazards of a statement that writes many rows, or that removes all rows of a table."""
        measured = statement.measured
        if measured is None:
            return
        for write in written_tables(self.step, statement):
            text = whole_table_statements.write_text(write)
            text = replace(text, lock=_lock_of(locks, write.table))
            verb = "DELETE" if write.deletes else "UPDATE"
            self._add(
                [
                    self.step.hazard(
                        whole_table_statements.WRITE.kind, f"{verb} {write.table}", write.table, text
                    )
                ]
            )
        if any(action.verb == "set storage" for action in statement.actions) or _is_ddl(statement):
            return
        for name in set(measured.rewrites) - set(measured.scans):
            table = snapshot_name(self.step, name)
            if self.step.holds_rows(table) and ("table", table) in self.step.before.objects:
                text = whole_table_statements.truncate_text(table)
                kind = whole_table_statements.TRUNCATE.kind
                hazard = self.step.hazard(kind, f"TRUNCATE {table}", table, text)
                self._add([replace(hazard, lock=_lock_of(locks, table))])


def kinds_of(statement: ExecutedStatement) -> list[str]:
    """Return the kinds of hazards that a statement can be, as its text says."""
    return list(dict.fromkeys(kind for action in statement.actions for kind in _kinds(action)))


def _kinds(action: StatementAction) -> Iterator[str]:
    if action.verb in KIND_OF_VERB and not (
        action.verb in ("create index", "reindex") and is_concurrent(action)
    ):
        yield KIND_OF_VERB[action.verb]
    if action.verb == "add column":
        yield table_rewrite.KIND
    if action.verb in ("add constraint", "add column"):
        for word, kind in KIND_OF_CONSTRAINT.items():
            if action.says(word):
                yield kind
                return
    if action.verb == "validate constraint":
        yield from ("check-scan", "foreign-key-scan")


def _is_ddl(statement: ExecutedStatement) -> bool:
    return any(
        tokens[0] in ("alter", "create", "cluster", "refresh", "vacuum", "drop")
        for tokens in statement.tokens[:1]
    )


def _is_named(hazard: Hazard, statement: ExecutedStatement) -> bool:
    """Return whether a statement contains the name of what a hazard is about."""
    name = unquote_identifier(hazard.subject.rpartition(".")[2] or hazard.subject)
    return name in statement.text


def _lock_of(locks: TransactionLocks, table: str) -> str:
    mode = locks.held.get(table)
    return mode.mode.sql if mode else "none"


def _without_descendants(step: RevisionStep, held: Sequence[HeldLock]) -> list[HeldLock]:
    """Leave out partitions and child tables whose parent is locked as strongly."""
    modes = {lock.table: lock.mode for lock in held}
    return [
        lock
        for lock in held
        if not any(modes.get(each) == lock.mode for each in ancestors_of(step.before, lock.table))
    ]
