"""The losses of a rollback: tables, columns and values that its downgrades destroy, derived and not listed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from wish_rollout.core.archive.statement_effects import StatementEffects, reads_no_rows
from wish_rollout.core.remedy.data_loss import columns_holding
from wish_rollout.core.remedy.type_casts import loses_values
from wish_rollout.core.schema.change import Change
from wish_rollout.core.schema.inheritance import ancestors_of
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import NameParts, split_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wish_rollout.core.schema.snapshot import Json, Snapshot

LossKind = Literal["table", "column", "values"]


@dataclass(frozen=True, slots=True, order=True)
class Loss:
    """A table, a column, or values of a column that a rollback destroys.

    ``table``, ``column``: names before the rollback. ``later``: for values, the table and the column after it.
    """

    kind: LossKind
    table: str
    column: str = ""
    later: tuple[str, str] = ("", "")

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


def derive_losses(before: Snapshot, after: Snapshot, statements: Sequence[str]) -> RollbackLosses:
    """Return what the statements that lead from one schema to an earlier one destroy.

    A table or column that is only renamed is not lost. A column's values are lost where its new type cannot hold all of
    them, an expression computes them, or its enum loses labels. Views and generated columns store nothing of their own.
    """
    effects = StatementEffects.of(statements, before)
    later = {(kind, split_name(name)): name for kind, name in after.objects if kind in ("table", "column")}
    losses = tuple(sorted(_Losses(before, after, effects, later).all()))
    gone = [key for key in before.objects if key not in after.objects]
    renamed = {
        name: later[kind, parts]
        for (kind, name), parts in effects.names.items()
        if kind == "column" and later.get((kind, parts), name) != name
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
    later: Mapping[tuple[str, NameParts], str]

    def all(self) -> Iterator[Loss]:
        """Yield each loss; what a parent's loss covers is not a loss of its child."""
        tables = {name for name, _ in self.before.of_kind("table") if not self._later("table", name)}
        for name in tables:
            if tables.isdisjoint(ancestors_of(self.before, name)):
                yield Loss("table", name)
        yield from self._columns(tables)

    def _columns(self, tables: set[str]) -> Iterator[Loss]:
        shrunk = set(self._shrunk_enum_columns())
        for name, properties in self.before.of_kind("column"):
            table, column = split_last(name)
            if table in tables or ("table", table) not in self.before.objects or "generated" in properties:
                continue
            if any(
                ("column", f"{each}.{column}") in self.before.objects
                for each in ancestors_of(self.before, table)
            ):
                continue  # an inherited column is renamed and dropped with its parent's
            later = self._later("column", name)
            if not later:
                yield Loss("column", table, column)
            elif name in shrunk or self._converts(name, properties, later):
                yield Loss("values", table, column, split_last(later))

    def _later(self, kind: str, name: str) -> str:
        """Return the name of a table or column after the rollback; empty if it is lost."""
        key = (kind, name)
        return "" if key in self.effects.dropped else self.later.get((kind, self.effects.names[key]), "")

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
