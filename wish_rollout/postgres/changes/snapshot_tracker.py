"""Keep the snapshot of a database current while one session changes it, by reading only what each change wrote.

The result is the same as that of a full read after each change; ``missed`` compares the two.
"""

from __future__ import annotations

from collections import ChainMap
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.names import parent_object
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects
from wish_rollout.postgres.catalog.snapshot_reader import (
    add_results,
    garbage_collection_disabled,
    read_objects,
    visible_properties,
)
from wish_rollout.postgres.changes.catalog_changes import CatalogChanges
from wish_rollout.postgres.changes.changed_units import NOTHING, Units, changed_units
from wish_rollout.postgres.sessions.read_transaction import consistent_read_transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import psycopg

    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.scope import Scope
    from wish_rollout.core.schema.snapshot import Json, Key
    from wish_rollout.postgres.changes.catalog_changes import Listing, Moment, Rows, Written

Objects = dict["Key", Any]
_WHERE = {
    "pg_constraint": ("constraints", "not_nulls"),
    "pg_trigger": ("triggers", "disabled_constraints"),
    "pg_rewrite": ("rules",),
    "pg_policy": ("policies",),
}
"""Queries that find something only where a relation or a type has rows in a catalog."""
_PARTS = ("pg_class", "pg_constraint", "pg_trigger", "pg_rewrite", "pg_policy")
_TYPES = {"enums": "e", "domains": "d", "composite_types": "c", "range_types": "rm", "base_types": "bp"}
"""The queries of types, and the kinds of types (manual, pg_type.typtype) that each finds."""
ALL_QUERIES = (
    *("comments", "relations", "columns", "sequences", "constraints", "not_nulls", "disabled_constraints"),
    *("triggers", "rules", "policies", "indexes", "index_columns", "collation_names", "functions", *_TYPES),
)
_KINDS = frozenset(
    {"table", "view", "materialized view", "foreign table", "sequence", "function", "procedure", "enum"}
    | {"domain", "composite type", "range type", "base type", "column", "constraint", "index", "trigger"}
    | {"rule", "policy"}
)
"""The kinds that units consist of."""


@dataclass(slots=True)
class Change:
    """What a change did to the objects of a snapshot: as they were, and as they are; a key may be in either."""

    before: Objects = field(default_factory=dict)
    after: Objects = field(default_factory=dict)
    reading: CatalogObjects | None = None
    units: Units = field(default_factory=Units)
    written: Written | None = None
    listed: Listing | None = None

    @property
    def keys(self) -> set[Key]:
        """The objects that were read again."""
        return self.before.keys() | self.after.keys()


class SnapshotTracker:
    """The objects of one database, as its only writer's session sees them."""

    def __init__(self, connection: psycopg.Connection[Any], scope: Scope) -> None:
        self.connection = connection
        self.scope = scope
        self.changes = CatalogChanges(connection)
        self._take(self._read_everything())

    def snapshot(self) -> Snapshot:
        """Return the present snapshot, which later changes leave alone."""
        return Snapshot(dict(self.objects), self.readable_properties)

    def mark(self) -> Moment:
        """Return the present moment, for ``read``; the session is in the transaction that will write."""
        return self.changes.mark()

    def prepare(self) -> None:
        """Prepare and plan all queries of ``read``, so that none is planned later, while locks are held."""
        with self._plain_settings(keep=True):
            self.changes.prepare_to_read()
            self.changes.prepare_all()
            self._ask(ALL_QUERIES, Units(), set())

    def read(
        self, mark: Moment, *, committed: bool = False, keep_settings: bool = True, own: bool = False
    ) -> Change:
        """Return what was changed since ``mark``; ``accept`` makes it the present.

        ``committed``: whether a transaction ended since then. ``keep_settings``: restore the session's settings,
        which is not needed at the end of a transaction. ``own``: leave out what other sessions have written.
        """
        with self._plain_settings(keep_settings or committed), garbage_collection_disabled():
            self.changes.prepare_to_read()
            written = self.changes.written(mark, self.others, committed=committed, own=own)
            units = Units(everything=True)
            if not written.everything:
                units = changed_units(self.changes, written, self.known, self.reading.columns)
            if units.everything or ("pg_depend" in written.deleted and self._extensions_changed()):
                return self._read_everything()
            return self._read_units(units, written) if units else Change(written=written)

    def accept(self, change: Change) -> None:
        """Take a change as the present state."""
        if change.listed is not None:
            self._take(change)
            return
        if change.written is not None:
            for name, rows in change.written.gone(self.known).items():
                for row in rows:
                    del self.known[name][row]
            for name, rows in change.written.rows.items():
                if name in self.known:
                    self.known[name].update(rows)
                self._remember_parts(name, rows)
        if change.reading is None:
            return
        self._forget(change.units)
        new, old = change.reading, self.reading
        old.tables.update(new.tables.maps[0])  # type: ignore[attr-defined]
        old.columns.update(new.columns.maps[0])  # type: ignore[attr-defined]
        old.collations, old.sequences = new.collations, new.sequences
        old.names.update(new.names)
        for key in change.before:
            self.groups[_group(*key, self.objects.pop(key))].discard(key)
        for key, properties in change.after.items():
            self.objects[key] = properties
            self.groups.setdefault(_group(*key, properties), set()).add(key)

    def missed(self) -> Delta:
        """Return the delta from what is tracked to what a full read finds; empty if nothing was missed."""
        return difference(self.snapshot(), Snapshot(self._read_everything().after, self.readable_properties))

    def read_everything(self) -> set[Key]:
        """Read the whole schema again; return the objects that differ from the present state, which is replaced."""
        change = self._read_everything()
        self._take(change)
        return {key for key in change.keys if change.before.get(key) != change.after.get(key)}

    def _plain_settings(self, keep: bool) -> Any:
        return consistent_read_transaction(self.connection) if keep else nullcontext()

    def _read_everything(self) -> Change:
        with consistent_read_transaction(self.connection), garbage_collection_disabled():
            reading = read_objects(self.connection, self.scope)
            known = getattr(self, "objects", {})
            return Change(dict(known), reading.objects, reading, listed=self.changes.list_all())

    def _take(self, change: Change) -> None:
        """Start again from a full read."""
        assert change.reading is not None
        assert change.listed is not None
        self.reading: CatalogObjects = change.reading
        self.objects: Objects = dict(change.after)
        self.known: Rows = change.listed.rows
        self.others = change.listed.others
        self.readable_properties = visible_properties(self.reading.context)
        self.groups: dict[str, set[Key]] = {}
        for key, properties in self.objects.items():
            self.groups.setdefault(_group(*key, properties), set()).add(key)
        self.parts: dict[int, set[int]] = {}
        for name, rows in self.known.items():
            self._remember_parts(name, rows)
        self.classes = self.changes.named(["operator_class_names"], {})["operator_class_names"].fetchall()

    def _remember_parts(self, catalog: str, rows: Mapping[tuple[int, int], Any]) -> None:
        """Remember which numbers belong to a relation or a type: comments and sequences are found by them."""
        if catalog in _PARTS:
            for (oid, _), entry in rows.items():
                if entry.container:
                    self.parts.setdefault(entry.container, set()).add(oid)

    def _extensions_changed(self) -> bool:
        """Whether another set of objects belongs to extensions than before."""
        frame = self.reading.context
        found = self.changes.named(["members"], {})["members"].fetchall()
        count = sum(map(len, frame.members.values())) + sum(map(len, frame.depends.values()))
        return len(found) != count

    def _read_units(self, units: Units, written: Written) -> Change:
        old = self.reading
        reading = CatalogObjects(
            old.context,
            {},
            tables=ChainMap({}, old.tables),
            columns=ChainMap({}, old.columns),
            collations={key: value for key, value in old.collations.items() if key[0] not in units.relations},
            sequences={key: value for key, value in old.sequences.items() if key[0] not in units.relations},
        )
        parts = self._parts(units, written)
        names = self._queries(units, written, parts)
        add_results(reading, self._ask(names, units, parts), self.classes)
        before = {key: self.objects[key] for name in self._names(units) for key in self.groups.get(name, ())}
        return Change(before, reading.objects, reading, units, written)

    def _names(self, units: Units) -> Iterator[str]:
        """Give the names that the units had."""
        old = self.reading
        yield from (old.tables[oid] for oid in units.relations if oid in old.tables)
        for catalog, oids in (
            ("pg_class", units.sequences),
            ("pg_proc", units.functions),
            ("pg_type", units.types),
        ):
            yield from (old.names[catalog, oid] for oid in oids if (catalog, oid) in old.names)

    def _forget(self, units: Units) -> None:
        """Forget the names and columns of units; those that are still there are read again."""
        for oid in units.relations:
            self.reading.tables.pop(oid, None)
            self.reading.columns.pop(oid, None)
        for oid in units.sequences:
            self.reading.names.pop(("pg_class", oid), None)
        for oid in units.functions:
            self.reading.names.pop(("pg_proc", oid), None)
        for oid in units.types:
            self.reading.names.pop(("pg_type", oid), None)

    def _ask(self, names: Iterable[str], units: Units, parts: set[int]) -> dict[str, Any]:
        """Ask for the units' rows, in one message."""
        everything = units.relations | units.sequences | units.functions | units.types | parts
        parameters = self.reading.context.parameters()
        parameters["relations"] = list(units.relations)
        parameters["sequences"] = list(units.sequences | parts)
        parameters["functions"] = list(units.functions)
        parameters["types"] = list(units.types)
        parameters["objects"] = list(everything)
        wanted = [name for name in names if name != "not_nulls" or self.changes.major >= 18]
        answers = self.changes.named(wanted, parameters, some=True)
        return {name: answer for name, answer in answers.items() if answer.rows}

    def _parts(self, units: Units, written: Written) -> set[int]:
        """Return the numbers of what belongs to the units, and perhaps of more."""
        parts = {part for oid in (*units.relations, *units.types) for part in self.parts.get(oid, ())}
        return parts | {oid for catalog in _PARTS for oid, _ in written.rows.get(catalog, {})}

    def _queries(self, units: Units, written: Written, parts: set[int]) -> Iterator[str]:
        """Name the queries that can find something of the units."""

        def has(catalog: str, *kinds: str) -> bool:
            known, new = self.known[catalog], written.rows.get(catalog, {})
            found = (new.get((part, 0)) or known.get((part, 0)) for part in parts)
            return any(entry is not None and (not kinds or entry.kind in kinds) for entry in found)

        if self.known["pg_description"] or "pg_description" in written.rows:
            yield "comments"
        if units.relations:
            yield from ("relations", "columns")
        if units.sequences or has("pg_class", "S"):
            yield "sequences"
        for catalog, names in _WHERE.items():
            if has(catalog):
                yield from names
        if has("pg_class", "i", "I"):
            yield from ("indexes", "index_columns", "collation_names")
        if units.functions:
            yield "functions"
        if units.types:
            new, known = written.rows.get("pg_type", {}), self.known["pg_type"]
            kinds = {(new.get((oid, 0)) or known.get((oid, 0)) or NOTHING).kind for oid in units.types}
            yield from (name for name, found in _TYPES.items() if kinds & set(found))


def _group(kind: str, name: str, properties: Mapping[str, Json]) -> str:
    """Return what the keys of one unit have in common: its name, or for other kinds a name of their own."""
    return (parent_object(kind, name, properties) or name) if kind in _KINDS else f"{kind} {name}"
