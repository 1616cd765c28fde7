"""The losses of a rollback: tables, columns and values that its downgrades destroy, derived and not listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from wish_rollout.core.archive.statement_effects import StatementEffects, reads_no_rows
from wish_rollout.core.archive.table_fates import TableFates
from wish_rollout.core.remedy.data_loss import columns_holding
from wish_rollout.core.remedy.type_casts import loses_values
from wish_rollout.core.schema.change import Change
from wish_rollout.core.schema.inheritance import is_partition
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import split_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wish_rollout.core.schema.snapshot import Json, Snapshot

LossKind = Literal["table", "column", "values"]


@dataclass(frozen=True, slots=True, order=True)
class Loss:
    """A table, a column, or values of a column that a rollback destroys.

    ``table``, ``column``: names before the rollback. ``later``: for values, the table and the column after it. ``apart``:
    the partitions of a lost table that are detached or dropped before it, maybe in an earlier transaction; what is lost of
    them is a loss of its own.
    """

    kind: LossKind
    table: str
    column: str = ""
    later: tuple[str, str] = ("", "")
    apart: tuple[str, ...] = field(default=(), compare=False)

    @property
    def name(self) -> str:
        """The name of the table or column."""
        return f"{self.table}.{self.column}" if self.column else self.table

    def __str__(self) -> str:
        kind = "changed values of column" if self.kind == "values" else self.kind
        return f"{kind} {self.name}"


@dataclass(frozen=True, slots=True)
class RollbackLosses:
    """What a rollback destroys.

    ``enums``, ``sequences``: those that it drops. ``later``: the names after it of renamed columns. ``reads_rows``: a
    downgrade may read rows of a table that it drops, so that they must stay there until then.
    """

    losses: tuple[Loss, ...] = ()
    enums: frozenset[str] = frozenset()
    sequences: tuple[str, ...] = ()
    later: Mapping[str, str] = field(default_factory=dict)
    reads_rows: bool = True

    def lost_columns(self, table: str) -> frozenset[str]:
        """Return the columns of a table that are lost or changed."""
        return frozenset(loss.column for loss in self.losses if loss.table == table)


def derive_losses(
    before: Snapshot, after: Snapshot, statements: Sequence[str], effects: Sequence[str] | None = None
) -> RollbackLosses:
    """Return what the statements that lead from one schema to an earlier one destroy.

    ``effects``: the same statements, with others in place of those whose texts do not show what they do to tables.
    A table or column that is only renamed is not lost. A column's values are lost where its new type cannot hold all of
    them, an expression computes them, or its enum loses labels. Views and generated columns store nothing of their own.
    """
    followed = StatementEffects.of(statements if effects is None else effects, before)
    later = {(kind, split_name(name)): name for kind, name in after.objects if kind in ("table", "column")}
    tables = TableFates(before, after, followed, later)
    losses = tuple(sorted(_Losses(before, after, followed, tables).all()))
    gone = [key for key in before.objects if key not in after.objects]
    renamed = {
        name: new
        for name, _ in before.of_kind("column")
        if (new := tables.later("column", name) or tables.renamed_with_parent(name)) not in ("", name)
    }
    return RollbackLosses(
        losses,
        frozenset(name for kind, name in gone if kind == "enum"),
        tuple(name for kind, name in gone if kind == "sequence"),
        renamed,
        not reads_no_rows(statements),
    )


@dataclass(frozen=True, slots=True)
class _Losses:
    before: Snapshot
    after: Snapshot
    effects: StatementEffects
    tables: TableFates

    def all(self) -> Iterator[Loss]:
        """Yield each loss; what the loss of a partitioned table covers is not a loss of its partition."""
        tables = {name for name, _ in self.before.of_kind("table") if self.tables.is_lost(name)}
        for name in tables:
            parents = self.tables.parents(name) if is_partition(self.before, name) else ()
            if not any(each in tables and not self.tables.is_detached(name, each) for each in parents):
                yield Loss("table", name, apart=self.tables.detached_partitions(name))
        yield from self._columns(tables)

    def _columns(self, tables: set[str]) -> Iterator[Loss]:
        shrunk = set(self._shrunk_enum_columns())
        found = {
            name: self._column_loss(name, properties, shrunk)
            for name, properties in self.before.of_kind("column")
            if split_last(name)[0] not in tables and ("table", split_last(name)[0]) in self.before.objects
        }
        for loss in found.values():
            if loss and not self._is_covered(loss, found):
                yield loss

    def _column_loss(self, name: str, properties: Mapping[str, Json], shrunk: set[str]) -> Loss | None:
        if "generated" in properties:
            return None
        table, column = split_last(name)
        inherited = [("column", each) for each in self.tables.inherited_from(name)]
        later = self.tables.later("column", name) or self.tables.renamed_with_parent(name)
        again = any(key in self.effects.dropped and key in self.after.objects for key in inherited)
        if not later or again:
            return Loss("column", table, column)
        is_converted = not self.effects.converted.isdisjoint(inherited)
        if is_converted or name in shrunk or self._converts(name, properties, later):
            return Loss("values", table, column, split_last(later))
        return None

    def _is_covered(self, loss: Loss, found: Mapping[str, Loss | None]) -> bool:
        """Return whether the same loss of a parent's column contains the values of a partition or child."""
        for parent in self.tables.parents(loss.table):
            same = found.get(f"{parent}.{loss.column}")
            if same and same.kind == loss.kind and not self.tables.is_detached(loss.table, parent):
                return True
        return False

    def _converts(self, name: str, properties: Mapping[str, Json], later: str) -> bool:
        after = self.after.objects["column", later]
        if ("column", name) in self.effects.converted or "generated" in after:
            return True
        types = (properties["type"], after["type"])
        return types[0] != types[1] and loses_values(self.before.objects, self.after.objects, *types)

    def _shrunk_enum_columns(self) -> Iterator[str]:
        for name, properties in self.before.of_kind("enum"):
            labels = self.after.objects.get(("enum", name), properties)["labels"]
            change = Change("enum", name, "changed", {"labels": (properties["labels"], labels)})
            if not change.labels and not set(properties["labels"]) <= set(labels):
                yield from columns_holding(self.before.objects, name)
