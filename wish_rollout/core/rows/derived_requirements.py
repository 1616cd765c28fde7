"""What a new schema will demand of the rows that are there already, read off two snapshots."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.hazards.rename_tracking import with_renames
from wish_rollout.core.hazards.rules.type_change import only_wider
from wish_rollout.core.rows.requirements import (
    ExclusionRequirement,
    Requirement,
    TypeRequirement,
    CheckRequirement,
    EnumRequirement,
    NotNullRequirement,
    ForeignKeyRequirement,
    Source,
    UniqueRequirement,
)
from wish_rollout.core.rows.row_sources import Sources
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.domains import base, chain, checks, columns_of, forbids_null, with_value
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import expression_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.schema.change import Change
    from wish_rollout.core.schema.snapshot import Snapshot

GIVEN = frozenset({"default", "identity", "generated"})
"""Properties by which a column has a value without being given one."""
NO_RENAMES: Mapping[tuple[str, str], str] = {}


def demands(
    before: Snapshot, after: Snapshot, renamed: Mapping[tuple[str, str], str] = NO_RENAMES
) -> tuple[Requirement, ...]:
    """List what going from one schema to the other demands of rows.

    ``renamed``: what the release renames, (kind, old name) → new name. A demand names tables and columns as
    they will be; its source says what they are now.
    """
    moved = with_renames(before, renamed)
    delta = difference(moved, after)
    sources = Sources(moved, after, renamed, delta)
    reading = _Reading(moved, after)
    found = [demand for change in delta.changes for demand in reading.of(change)]
    return tuple(_placed(demand, sources) for demand in dict.fromkeys(found))


def _placed(demand: Requirement, sources: Sources) -> Requirement:
    """Say where a demand's rows are now."""
    texts = [getattr(demand, name, "") for name in ("expression", "predicate")]
    own = sources.of(demand.table, (*demand.columns, *texts))
    placed = replace(demand, source=own)
    if isinstance(placed, ForeignKeyRequirement) and placed.references:
        there = sources.of(placed.references.table, placed.referenced)
        return replace(placed, references=there or placed.references)
    return placed


class _Reading:
    """Reads demands off changes; ``before`` has the names that things will have."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        self.before = before
        self.after = after

    def of(self, change: Change) -> Iterator[Requirement]:
        """Give what one change demands."""
        if change.kind == "column":
            yield from self._column(change)
        elif change.kind == "constraint" and change.change in ("added", "changed"):
            yield from self._constraint(change)
        elif change.kind == "index" and change.change == "added":
            yield from self._index(change)
        elif change.kind == "enum" and change.change == "changed":
            yield from self._enum(change)
        elif change.kind == "domain" and change.properties.get("not null", (None, None))[1]:
            for table, column in columns_of(self.before, change.name):
                yield NotNullRequirement(table, (column,))

    def _there(self, table: str) -> bool:
        return ("table", table) in self.before.objects

    def _column(self, change: Change) -> Iterator[Requirement]:
        table, column = split_last(change.name)
        if not self._there(table) or change.change not in ("added", "changed"):
            return
        now = self.after.objects["column", change.name]
        kind = str(now["type"])
        if change.change == "added":
            given = now.keys() & GIVEN or any("default" in each for _, each in chain(self.after, kind))
            if (now.get("not null") or forbids_null(self.after, kind)) and not given:
                yield NotNullRequirement(table, (column,), new=True)
            return
        old, new = change.properties.get("type", (None, None))
        if old and new:
            yield from self._type(table, column, str(old), str(new))
        if change.properties.get("not null", (None, None))[1]:
            yield NotNullRequirement(table, (column,))

    def _type(self, table: str, column: str, old: str, new: str) -> Iterator[Requirement]:
        was, becomes = base(self.before, old), base(self.after, new)
        fits = None if was == becomes or only_wider(was, becomes) else TypeRequirement(table, (column,), was, becomes)
        enum = _enum(self.after, becomes)
        if fits and enum:
            yield EnumRequirement(table, (column,), enum, tuple(self.after.objects["enum", enum]["labels"]))
        elif fits:
            yield fits
        value = f"({column}::text::{becomes})" if fits else column
        known = set(checks(self.before, old))
        for name, expression in checks(self.after, new):
            if (name, expression) not in known and not enum:
                yield CheckRequirement(table, (column,), name, with_value(expression, value), fits)
        if forbids_null(self.after, new) and not forbids_null(self.before, old):
            yield NotNullRequirement(table, (column,))

    def _constraint(self, change: Change) -> Iterator[Requirement]:
        owner, name = split_last(change.name)
        now: Mapping[str, Any] = self.after.objects["constraint", change.name]
        judged = change.change == "added" or change.properties.keys() & {"not valid", "expression"}
        if not judged or now.keys() & {"not valid", "not enforced"}:
            return
        if ("domain", owner) in self.before.objects:
            for table, column in columns_of(self.before, owner):
                yield CheckRequirement(table, (column,), name, with_value(now["expression"], column))
        if self._there(owner):
            yield from self._of_table(owner, name, now)

    def _of_table(self, table: str, name: str, now: Mapping[str, Any]) -> Iterator[Requirement]:
        columns = tuple(now.get("columns", ()))
        if now["type"] == "check":
            yield CheckRequirement(table, (), name, now["expression"])
        elif now["type"] == "foreign key":
            there = Source(now["references"]) if self._there(now["references"]) else None
            wanted = tuple(now["referenced columns"])
            yield ForeignKeyRequirement(table, columns, name, there, wanted, now.get("match") == "full")
        elif now["type"] in ("unique", "primary key"):
            yield UniqueRequirement(table, columns, name, bool(now.get("nulls not distinct")))
        elif now["type"] == "exclusion":
            predicate = str(now.get("predicate") or "")
            keys = tuple(map(expression_of, now.get("keys", columns)))
            yield ExclusionRequirement(table, keys, name, tuple(now["operators"]), predicate)

    def _index(self, change: Change) -> Iterator[Requirement]:
        now = {name: pair[1] for name, pair in change.properties.items()}
        if now.get("unique") and self._there(str(now["table"])):
            name, predicate = split_last(change.name)[1], str(now.get("predicate") or "")
            keys = tuple(map(expression_of, now["keys"] or ()))
            yield UniqueRequirement(str(now["table"]), keys, name, bool(now.get("nulls not distinct")), predicate)

    def _enum(self, change: Change) -> Iterator[Requirement]:
        old, new = change.properties.get("labels", ((), ()))
        if not set(old or ()) - set(new or ()) - set(change.labels):
            return
        for name, properties in self.before.of_kind("column"):
            if properties["type"] in (change.name, split_last(change.name)[1]):
                table, column = split_last(name)
                yield EnumRequirement(table, (column,), change.name, tuple(new))


def _enum(snapshot: Snapshot, kind: str) -> str:
    """Find the enum that a column's type names, with its schema or without."""
    names = [name for name, _ in snapshot.of_kind("enum")]
    return next((name for name in names if kind in (name, split_last(name)[1])), "")
