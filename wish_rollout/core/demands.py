"""What a new schema will demand of the rows that are there already, read off two snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.delta import difference
from wish_rollout.core.hazards.type_change import only_wider
from wish_rollout.core.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.changes import Change
    from wish_rollout.core.snapshot import Snapshot


ROWS = "rows-do-not-fit"
"""The name by which a revision says in ``allow_hazards`` that it knows of such rows, and why they are no harm."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Values must be labels of an enum."""

    table: str
    columns: tuple[str, ...]
    enum: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fits:
    """Values must be of another type. ``before``: the type that they have."""

    table: str
    columns: tuple[str, ...]
    before: str
    type: str


@dataclass(frozen=True, slots=True)
class Present:
    """There may be no NULL. ``new``: the column is not there yet, and has no default."""

    table: str
    columns: tuple[str, ...]
    new: bool = False


@dataclass(frozen=True, slots=True)
class Holds:
    """A CHECK must not be false."""

    table: str
    columns: tuple[str, ...]
    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows may be alike; ``predicate``: among those that meet it."""

    table: str
    columns: tuple[str, ...]
    name: str
    nulls_alike: bool = False
    predicate: str = ""


@dataclass(frozen=True, slots=True)
class Refers:
    """There must be a row that is referred to. ``references`` is empty where that table is not there yet."""

    table: str
    columns: tuple[str, ...]
    name: str
    references: str
    referenced: tuple[str, ...]


Demand = Labels | Fits | Present | Holds | Unique | Refers


@dataclass(frozen=True, slots=True)
class Finding:
    """Rows that do not meet a demand. ``rows``: None where that could not be counted in time.

    ``sql`` shows them.
    """

    demand: Demand
    rows: int | None
    says: str
    sql: str

    def __str__(self) -> str:
        return f"{self.says} (see them: {self.sql})"


def demands(before: Snapshot, after: Snapshot) -> tuple[Demand, ...]:
    """List what going from one schema to the other demands of rows; each table and column by its old name."""
    found: list[Demand] = []
    for change in difference(before, after).changes:
        if change.kind == "column":
            found += _of_column(change, before, after)
        elif change.kind == "constraint" and change.change in ("added", "changed"):
            found += _of_constraint(change, before, after)
        elif change.kind == "index" and change.change == "added":
            found += _of_index(change, before)
        elif change.kind == "enum" and change.change == "changed":
            found += _of_enum(change, before)
    return tuple(found)


def _of_column(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Demand]:
    table, column = split_last(change.name)
    if ("table", table) not in before.objects or change.change not in ("added", "changed"):
        return
    now = after.objects["column", change.name]
    if change.change == "added":
        if now.get("not null") and not now.keys() & {"default", "identity", "generated"}:
            yield Present(table, (column,), new=True)
        return
    old, new = change.properties.get("type", (None, None))
    if old and new and not only_wider(str(old), str(new)):
        enum = _enum(after, str(new))
        labels = after.objects["enum", enum]["labels"] if enum else ()
        yield Labels(table, (column,), enum, tuple(labels)) if enum else Fits(table, (column,), old, new)
    if change.properties.get("not null", (None, None))[1]:
        yield Present(table, (column,))


def _enum(snapshot: Snapshot, kind: str) -> str:
    """Find the enum that a column's type names, with its schema or without."""
    names = [name for name, _ in snapshot.of_kind("enum")]
    return next((name for name in names if kind in (name, split_last(name)[1])), "")


def _of_constraint(change: Change, before: Snapshot, after: Snapshot) -> Iterator[Demand]:
    table, name = split_last(change.name)
    now: Mapping[str, Any] = after.objects["constraint", change.name]
    judged = change.change == "added" or "not valid" in change.properties or "expression" in change.properties
    if ("table", table) not in before.objects or not judged or now.keys() & {"not valid", "not enforced"}:
        return
    columns = tuple(now.get("columns", ()))
    if now["type"] == "check":
        yield Holds(table, (), name, now["expression"])
    elif now["type"] == "foreign key":
        there = now["references"] if ("table", now["references"]) in before.objects else ""
        yield Refers(table, columns, name, there, tuple(now["referenced columns"]))
    elif now["type"] in ("unique", "primary key"):
        yield Unique(table, columns, name, bool(now.get("nulls not distinct")))


def _of_index(change: Change, before: Snapshot) -> Iterator[Demand]:
    now = {name: pair[1] for name, pair in change.properties.items()}
    if now.get("unique") and ("table", now["table"]) in before.objects:
        keys = tuple(key.split(" DESC")[0].split(" NULLS ")[0] for key in now["keys"])
        predicate = str(now.get("predicate") or "")
        yield Unique(now["table"], keys, change.name, bool(now.get("nulls not distinct")), predicate)


def _of_enum(change: Change, before: Snapshot) -> Iterator[Demand]:
    old, new = change.properties.get("labels", ((), ()))
    if not set(old or ()) - set(new or ()) - set(change.labels):
        return
    for name, properties in before.of_kind("column"):
        if properties["type"] in (change.name, split_last(change.name)[1]):
            table, column = split_last(name)
            yield Labels(table, (column,), change.name, tuple(new))
