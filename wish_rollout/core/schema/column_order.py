"""The order of a table's columns, in which only columns that really moved are reported.

A snapshot stores the position of each visible column. If the second of five columns is dropped, the positions
of three others change, but only one thing has happened. A delta therefore contains the position of a column
only if its order among the remaining columns changed; the other positions are computed.
"""

from __future__ import annotations

from bisect import bisect_left
from types import MappingProxyType
from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from wish_rollout.core.schema.change import Change

NO_NAMES: Mapping[str, str] = MappingProxyType({})


def moved_columns(before: Mapping[str, int], after: Mapping[str, int]) -> set[str]:
    """Return the smallest set of columns whose move explains the new order.

    ``before``, ``after``: the positions of the columns that both tables have. The columns that did not move
    are a longest common subsequence. If there are several, columns with the same position in both tables are
    preferred, then names that sort first. The result is the same if ``before`` and ``after`` are exchanged.
    """

    def preference(column: str) -> tuple[bool, str]:
        return (before[column] != after[column], column)

    columns = sorted(before, key=lambda column: before[column])
    while True:
        ending = _increasing_lengths([after[column] for column in columns])
        beginning = _increasing_lengths([-after[column] for column in reversed(columns)])[::-1]
        longest = max(ending, default=0)
        levels: dict[int, list[str]] = {}
        for column, length_to, length_from in zip(columns, ending, beginning, strict=True):
            if length_to + length_from - 1 == longest:
                levels.setdefault(length_to, []).append(column)
        undecided = [name for names in levels.values() if len(names) > 1 for name in names]
        if not undecided:
            return set(before) - {names[0] for names in levels.values()}
        columns = _compatible_columns(min(undecided, key=preference), columns, after)


def _compatible_columns(chosen: str, columns: list[str], after: Mapping[str, int]) -> list[str]:
    """Return the columns on the same side of a chosen column in both orders, and that column."""
    split = columns.index(chosen)
    return [
        column
        for index, column in enumerate(columns)
        if column == chosen or (index < split) == (after[column] < after[chosen])
    ]


def _increasing_lengths(positions: list[int]) -> list[int]:
    """Return, for each index, the length of the longest increasing subsequence that ends there."""
    tails: list[int] = []
    lengths = []
    for position in positions:
        index = bisect_left(tails, position)
        tails[index : index + 1] = [position]
        lengths.append(index + 1)
    return lengths


def assign_positions(staying: Iterable[str], fixed: Mapping[str, int]) -> dict[str, int]:
    """Return the position of each column: as in ``fixed``; ``staying`` fills the other positions in its order."""
    taken = set(fixed.values())
    positions = dict(fixed)
    position = 1
    for column in staying:
        while position in taken:
            position += 1
        positions[column] = position
        position += 1
    return positions


def is_column_move(change: Change) -> bool:
    """Return whether a change, with those of inherited columns, is only another position of columns."""
    pairs = [change.properties, *change.also.values()]
    return (
        change.kind == "column"
        and change.change == "changed"
        and all(set(each) <= {"position"} for each in pairs)
    )


def follow_column_order(
    snapshot: Snapshot,
    live: Snapshot,
    tables: Container[str] | None = None,
    former_names: Mapping[str, str] = NO_NAMES,
    measured: Snapshot | None = None,
) -> Snapshot:
    """Return a snapshot in which the columns of some tables have the order that they have in ``live``.

    ``tables``: None for all tables. ``former_names``: name of a column → its name in ``live``. Columns that ``live``
    does not have come last, because a new column is always the last one (manual, ALTER TABLE); in the order that they
    have in ``measured``, or else in their own.
    """
    added = measured.objects if measured else snapshot.objects
    by_table: dict[str, list[tuple[bool, int, str]]] = {}
    for name, properties in snapshot.of_kind("column"):
        table = split_last(name)[0]
        if tables is None or table in tables:
            current = live.objects.get(("column", former_names.get(name, name)))
            place = current or added.get(("column", name), properties)
            by_table.setdefault(table, []).append((current is None, place["position"], name))
    moved = {
        ("column", name): {**snapshot.objects["column", name], "position": position}
        for columns in by_table.values()
        for position, (_, _, name) in enumerate(sorted(columns), start=1)
        if snapshot.objects["column", name]["position"] != position
    }
    return Snapshot({**snapshot.objects, **moved}, snapshot.readable_properties) if moved else snapshot
