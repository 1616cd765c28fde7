"""Rows of catalogs: what is remembered of them, and which were written since a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Key = tuple[int, int]
Counts = dict[str, tuple[int, int]]


LISTED = frozenset(
    {"pg_class", "pg_attrdef", "pg_constraint", "pg_trigger", "pg_rewrite", "pg_policy", "pg_inherits"}
    | {"pg_proc", "pg_type", "pg_enum", "pg_description", "pg_depend"}
)
"""Catalogs whose rows are remembered, so that a deletion is noticed."""
COMPANIONS = frozenset(
    {"pg_attribute", "pg_index", "pg_sequence", "pg_partitioned_table", "pg_foreign_table"}
)
"""Catalogs from which DDL deletes rows only together with the row of the relation in pg_class."""
FOLLOWED = LISTED | COMPANIONS
IGNORED = frozenset(
    {"pg_shdepend", "pg_shdescription", "pg_statistic", "pg_statistic_ext_data", "pg_largeobject"}
    | {"pg_largeobject_metadata"}
)
"""Catalogs that no snapshot reads."""


class Entry(NamedTuple):
    """A row of a catalog: the object that it belongs to, and for a relation its kind and name."""

    container: int
    kind: str
    name: str


KEYED_BY_OBJECT = frozenset(
    {"pg_class", "pg_attrdef", "pg_constraint", "pg_trigger", "pg_rewrite", "pg_policy", "pg_proc", "pg_type"}
)
"""Catalogs with one row for each object that can be locked."""
Rows = dict[str, dict[Key, Entry]]
"""Catalog → (number of the object, part) → its row."""


class Listing(NamedTuple):
    """The rows of the catalogs that are remembered, and the numbers of rows of the others, if they are known."""

    rows: Rows
    others: Mapping[str, int] | None


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment before a change: a transaction ID that no later one is below, and what was counted then."""

    since: int
    counts: Counts


@dataclass(slots=True)
class Written:
    """What was written since a mark: new rows, and the remembered rows that are there no more.

    ``everything``: a catalog of another kind was written, so that all has to be read. ``members``: how many members and
    dependent objects the extensions have, if rows of pg_depend were deleted.
    """

    everything: bool = False
    rows: Rows = field(default_factory=dict)
    gone: Rows = field(default_factory=dict)
    members: int | None = None


def gone_rows(known: Rows, present: Mapping[str, set[Key]]) -> Rows:
    """Return the remembered rows that are not present. ``present``: the keys of all rows of some catalogs."""
    return {
        name: {key: known[name][key] for key in known[name].keys() - keys} for name, keys in present.items()
    }


def gone_locked_rows(
    known: Rows, written: Rows, locked: set[int], remaining: Mapping[str, tuple[int, set[Key]]]
) -> Rows | None:
    """Return the remembered rows of locked objects that are not present; None if the numbers of rows contradict that.

    ``written``: the new rows. ``remaining``: for each catalog the number of its rows, and the keys of those whose object
    is locked.
    """
    found: Rows = {}
    for name, (rows, keys) in remaining.items():
        before, new = known[name], written.get(name, {})
        gone = {key: entry for key, entry in _rows_of(name, before, locked) if key not in keys}
        if len(before) - len(gone) + len(new.keys() - before.keys()) != rows:
            return None
        found[name] = gone
    return found


def _rows_of(catalog: str, rows: Mapping[Key, Entry], objects: set[int]) -> Iterable[tuple[Key, Entry]]:
    """Return the rows of these objects."""
    if catalog in KEYED_BY_OBJECT:
        return [((oid, 0), rows[oid, 0]) for oid in objects if (oid, 0) in rows]
    if catalog == "pg_enum":
        return [(key, entry) for key, entry in rows.items() if entry.container in objects]
    return [(key, entry) for key, entry in rows.items() if key[0] in objects]


def parse_rows(rows: Iterable[tuple[Any, ...]]) -> Rows:
    """Return the rows of changed_objects.sql."""
    found: Rows = {}
    for catalog, oid, part, container, kind, name, *_ in rows:
        found.setdefault(catalog, {})[oid, part] = Entry(container, kind, name)
    return found


def parse_keys(text: str | None) -> set[Key]:
    """Return the keys that a query lists: ``number.part``, separated by commas."""
    pairs = (each.partition(".") for each in text.split(",")) if text else ()
    return {(int(oid), int(part)) for oid, _, part in pairs}
