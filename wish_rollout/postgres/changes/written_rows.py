"""Rows of catalogs: what is remembered of them, and which were written since a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = tuple[int, int]
Counts = dict[str, tuple[int, int]]


class Entry(NamedTuple):
    """A row of a catalog: the object that it belongs to, and for a relation its kind and name."""

    container: int
    kind: str
    name: str


Rows = dict[str, dict[Key, Entry]]
"""Catalog → (number of the object, part) → its row."""


class Listing(NamedTuple):
    """The rows of the catalogs that are remembered, and the numbers of rows of the others."""

    rows: Rows
    others: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment before a change: a transaction ID that no later one is below, and what was counted then."""

    since: int
    counts: Counts


@dataclass(slots=True)
class Written:
    """What was written since a mark: new rows, and for catalogs with deletions the keys that are there now.

    ``everything``: a catalog of another kind was written, so that all has to be read. ``deleted``: the catalogs with
    deletions.
    """

    everything: bool = False
    rows: Rows = field(default_factory=dict)
    present: Mapping[str, set[Key]] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()

    def gone(self, known: Rows) -> Rows:
        """Return those of the known rows that are there no more."""
        return {
            name: {key: known[name][key] for key in known[name].keys() - keys}
            for name, keys in self.present.items()
        }
