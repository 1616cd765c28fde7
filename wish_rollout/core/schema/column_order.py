"""The order of a table's columns, in which only columns that really moved are reported.

A snapshot stores the position of each visible column. If the second of five columns is dropped, the positions
of three others change, but only one thing has happened. A delta therefore contains the position of a column
only if its order among the remaining columns changed; the other positions are computed.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


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
