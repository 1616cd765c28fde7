"""From rows of the catalog that were written to what has to be read again because of them.

What is read again is a *unit*: a relation with its columns, constraints, indexes, triggers, rules and policies, or a
sequence, a function or a type. A unit is also read again where its definition names an object whose row was updated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.postgres.changes.written_rows import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.postgres.changes.catalog_changes import CatalogChanges
    from wish_rollout.postgres.changes.written_rows import Key, Rows, Written

RELATIONS = frozenset("rpvmf")
_ON_RELATION = frozenset(
    {"pg_attrdef", "pg_index", "pg_trigger", "pg_rewrite", "pg_policy", "pg_inherits", "pg_sequence"}
    | {"pg_partitioned_table", "pg_foreign_table", "pg_attribute", "pg_depend"}
)
NOTHING = Entry(0, "", "")


@dataclass(slots=True)
class Units:
    """The numbers of what has to be read again, by kind; ``everything``: all has to be."""

    relations: set[int] = field(default_factory=set)
    sequences: set[int] = field(default_factory=set)
    functions: set[int] = field(default_factory=set)
    types: set[int] = field(default_factory=set)
    everything: bool = False

    def __bool__(self) -> bool:
        return bool(self.relations or self.sequences or self.functions or self.types)


def changed_units(
    changes: CatalogChanges, written: Written, known: Rows, columns: Mapping[int, Mapping[int, str]]
) -> Units:
    """Return what has to be read again.

    ``known``: the rows of the remembered catalogs before the change. ``columns``: the columns of relations then.
    """
    collector = _Collector(written, known, columns)
    for catalog, rows in written.rows.items():
        for key, entry in rows.items():
            collector.add(catalog, key, entry)
    for catalog, rows in collector.gone.items():
        for key, entry in rows.items():
            collector.add(catalog, key, entry, deleted=True)
    if collector.renamed and not collector.units.everything:
        for name, oid, relation, on_type in changes.dependents(collector.renamed):
            collector.add_dependent(name, oid, relation, on_type)
    return collector.units


class _Collector:
    """Collects units, and the updated objects whose dependents have to be found."""

    def __init__(self, written: Written, known: Rows, columns: Mapping[int, Mapping[int, str]]) -> None:
        self.units = Units()
        self.renamed: set[tuple[str, int]] = set()
        self.known = known
        self.columns = columns
        self.classes = written.rows.get("pg_class", {})
        self.gone = written.gone

    def add(self, catalog: str, key: Key, entry: Entry, *, deleted: bool = False) -> None:
        """Add what one row belongs to; an updated row of a named object has dependents."""
        oid, part = key
        if catalog == "pg_description":
            self._comment(entry.kind, oid)
        elif catalog == "pg_depend" and entry.kind == "extension":
            self.units.everything = True
        elif catalog == "pg_class":
            self._class(oid)
        elif catalog in _ON_RELATION:
            self._class(entry.container if catalog != "pg_depend" else oid)
            if catalog == "pg_inherits":
                self._class(part)
        elif catalog == "pg_constraint":
            (self.units.types.add if entry.kind == "type" else self._class)(entry.container)
        elif catalog == "pg_proc":
            self._function(oid, entry)
        elif entry.container:  # pg_type, pg_enum
            self.units.types.add(entry.container)
        if not deleted and self._is_update(catalog, key, entry):
            self.renamed.add(_object(catalog, oid, entry))

    def _is_update(self, catalog: str, key: Key, entry: Entry) -> bool:
        """Whether a row is a new version of one whose object others may name."""
        oid, part = key
        if catalog == "pg_attribute":
            return part in self.columns.get(oid, {}) or self._of_class(oid).kind not in RELATIONS
        if catalog == "pg_class":
            before = self.known["pg_class"].get(key)
            return before is not None and (entry.kind not in RELATIONS or before.name != entry.name)
        if catalog == "pg_enum":
            return True
        named = ("pg_type", "pg_proc", "pg_constraint", "pg_trigger")
        return catalog in named and key in self.known.get(catalog, {})

    def add_dependent(self, catalog: str, oid: int, relation: int | None, on_type: int | None) -> None:
        """Add an object whose definition names an updated one."""
        if catalog == "pg_class":
            self._class(oid)
        elif catalog == "pg_proc":
            self._function(oid, self.known["pg_proc"].get((oid, 0), NOTHING))
        elif catalog == "pg_type" or on_type:
            self.units.types.add(on_type or oid)
        elif relation:
            self._class(relation)
        elif catalog != "pg_constraint":
            self.units.everything = True

    def _comment(self, catalog: str, oid: int) -> None:
        if catalog == "pg_class":
            self._class(oid)
        elif catalog == "pg_proc":
            self._function(oid, self.known["pg_proc"].get((oid, 0), NOTHING))
        elif catalog == "pg_type":
            self.units.types.add(oid)
        else:
            entry = self.known.get(catalog, {}).get((oid, 0))
            if entry is None:  # of a new object, which is read anyway, or of another kind
                self.units.everything |= catalog not in self.known
            elif entry.kind == "type":
                self.units.types.add(entry.container)
            else:
                self._class(entry.container)

    def _function(self, oid: int, entry: Entry) -> None:
        """Add a function; aggregates are read only together with all else."""
        self.units.functions.add(oid)
        self.units.everything |= entry.kind == "a"

    def _class(self, oid: int) -> None:
        """Add what a relation of any kind belongs to."""
        entry = self._of_class(oid)
        if entry.kind in RELATIONS:
            self.units.relations.add(oid)
        elif entry.kind == "c":
            self.units.types.add(entry.container)
        elif entry.container:
            self._class(entry.container) if entry.container != oid else None
        elif entry.kind == "S":
            self.units.sequences.add(oid)

    def _of_class(self, oid: int) -> Entry:
        key = (oid, 0)
        return self.classes.get(key) or self.known["pg_class"].get(key) or NOTHING


def _object(catalog: str, oid: int, entry: Entry) -> tuple[str, int]:
    """Return the object whose dependents have to be found because of a row."""
    if catalog == "pg_attribute":
        return "pg_class", oid
    return ("pg_type", entry.container) if catalog == "pg_enum" else (catalog, oid)
