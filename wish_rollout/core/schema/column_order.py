"""The order of a table's columns, told without noise.

A snapshot gives each column its place among the visible ones. If the second of five is dropped, three others
move up, and yet only one thing has happened. So a delta speaks of a place only where a column really changed
its order among those that stay; the places of the others follow from it.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def moved(before: Mapping[str, int], after: Mapping[str, int]) -> set[str]:
    """Name the fewest columns whose move explains the new order; the same ones for the way back.

    ``before``, ``after``: the places of the columns that are in both tables. Those that stay are a longest
    common part; of several, the one with those whose place is the same, then with the first names. The
    choice does not depend on the direction.
    """

    def preference(column: str) -> tuple[bool, str]:
        return (before[column] != after[column], column)

    columns = sorted(before, key=lambda column: before[column])
    while True:
        ending = _lengths([after[column] for column in columns])
        beginning = _lengths([-after[column] for column in reversed(columns)])[::-1]
        longest = max(ending, default=0)
        levels: dict[int, list[str]] = {}
        for column, one, other in zip(columns, ending, beginning, strict=True):
            if one + other - 1 == longest:
                levels.setdefault(one, []).append(column)
        open_names = [name for names in levels.values() if len(names) > 1 for name in names]
        if not open_names:
            return set(before) - {names[0] for names in levels.values()}
        columns = _beside(min(open_names, key=preference), columns, after)


def _beside(chosen: str, columns: list[str], after: Mapping[str, int]) -> list[str]:
    """Give those columns that are on the same side of a chosen one in both orders, and that one."""
    split = columns.index(chosen)
    return [
        column
        for index, column in enumerate(columns)
        if column == chosen or (index < split) == (after[column] < after[chosen])
    ]


def _lengths(places: list[int]) -> list[int]:
    """Give the length of the longest increasing subsequence that ends at each place."""
    tails: list[int] = []
    lengths = []
    for place in places:
        at = bisect_left(tails, place)
        tails[at : at + 1] = [place]
        lengths.append(at + 1)
    return lengths


def placed(staying: Iterable[str], fixed: Mapping[str, int]) -> dict[str, int]:
    """Give each column its place: those of ``fixed`` where it says, the others in their order around them."""
    taken = {place: column for column, place in fixed.items()}
    places = dict(fixed)
    place = 1
    for column in staying:
        while place in taken:
            place += 1
        places[column] = place
        place += 1
    return places
