"""What becomes of tables and columns in a rollback, with the tables that they are partitions or children of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.schema.inheritance import ancestors_of, is_partition, parents_of
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.archive.statement_effects import StatementEffects
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.core.text.sql_tokens import NameParts


@dataclass(frozen=True, slots=True)
class TableFates:
    """The tables of two schemas and the effects of the statements between them.

    ``names``: the tables and columns after the statements, by kind and the parts of their names.
    """

    before: Snapshot
    after: Snapshot
    effects: StatementEffects
    names: Mapping[tuple[str, NameParts], str]

    def is_lost(self, table: str) -> bool:
        """Return whether a table is dropped or emptied, by itself or with its parent."""
        if not self.later("table", table):
            return True
        return any(
            self.is_lost(parent) and not self.is_detached(table, parent) for parent in self.parents(table)
        )

    def parents(self, table: str) -> list[str]:
        """Return the tables before the rollback of which a table is a partition or a child, directly."""
        return [each for each in parents_of(self.before, table) if ("table", each) in self.before.objects]

    def is_detached(self, table: str, parent: str) -> bool:
        """Return whether a table is detached from its parent, or dropped by itself, before the rollback drops the parent."""
        if (table, parent) in self.effects.detached or ("table", table) in self.effects.dropped:
            return True
        later, later_parent = self.later("table", table), self.later("table", parent)
        return bool(later and later_parent) and later_parent not in ancestors_of(self.after, later)

    def detached_partitions(self, table: str) -> tuple[str, ...]:
        """Return the partitions, also of partitions, for which ``is_detached`` is true, of a table that is lost."""
        pending = [table]
        found: list[str] = []
        children: dict[str, list[str]] = {}
        for name, _ in self.before.of_kind("table"):
            for each in self.parents(name) if is_partition(self.before, name) else ():
                children.setdefault(each, []).append(name)
        while pending:
            parent = pending.pop()
            for child in children.get(parent, ()):
                if parent in found or self.is_detached(child, parent):
                    found.append(child)
                pending.append(child)
        return tuple(sorted(found))

    def inherited_from(self, name: str) -> list[str]:
        """Return the columns of all ancestors with the name of a column."""
        table, column = split_last(name)
        names = (f"{each}.{column}" for each in ancestors_of(self.before, table))
        return [each for each in names if ("column", each) in self.effects.names]

    def renamed_with_parent(self, name: str) -> str:
        """Return the name after the rollback of a column that is renamed with an ancestor's; empty if there is none."""
        if ("table", split_last(name)[0]) not in self.effects.names:  # of a view or foreign table
            return ""
        table = self.later("table", split_last(name)[0])
        for parent in () if ("column", name) in self.effects.dropped else self.inherited_from(name):
            new = split_last(self.later("column", parent) or parent)[1]
            later = f"{table}.{new}"
            if new != split_last(name)[1] and ("column", later) in self.after.objects:
                return later
        return ""

    def later(self, kind: str, name: str) -> str:
        """Return the name of a table or column after the rollback; empty if it is lost."""
        key = (kind, name)
        return "" if key in self.effects.dropped else self.names.get((kind, self.effects.names[key]), "")
