"""Keep the snapshot of a database current while one session changes it, by reading only what each change wrote.

The result is the same as that of a full read after each change; ``missed`` compares the two.
"""

from __future__ import annotations

from collections import ChainMap
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects
from wish_rollout.postgres.catalog.index_keys import name_operator_classes
from wish_rollout.postgres.catalog.snapshot_reader import (
    add_results,
    garbage_collection_disabled,
    read_objects,
    visible_properties,
)
from wish_rollout.postgres.changes.catalog_changes import CatalogChanges
from wish_rollout.postgres.changes.changed_units import Units, changed_units
from wish_rollout.postgres.changes.snapshot_change import Change, Objects
from wish_rollout.postgres.changes.unit_queries import (
    ALL_QUERIES,
    PARTS,
    forget,
    group_of,
    names_of,
    queries_of,
)
from wish_rollout.postgres.sessions.read_transaction import consistent_read_transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import psycopg

    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.scope import Scope
    from wish_rollout.core.schema.snapshot import Key
    from wish_rollout.postgres.changes.written_rows import Moment, Rows, Written


class SnapshotTracker:
    """The objects of one database, as its only writer's session sees them.

    ``reading``: a whole read of this session, which is used up; with it, the tracker reads everything after a commit.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], scope: Scope, reading: CatalogObjects | None = None
    ) -> None:
        self.connection = connection
        self.scope = scope
        with consistent_read_transaction(connection), garbage_collection_disabled():
            self.changes = CatalogChanges(connection)
            listed = self.changes.list_all(only_followed=reading is not None)
            reading = reading or read_objects(connection, scope)
            self._take(Change({}, reading.objects, reading, listed=listed))

    def snapshot(self) -> Snapshot:
        """Return the present snapshot, which later changes leave alone."""
        return Snapshot(dict(self.objects), self.readable_properties)

    def mark(self) -> Moment:
        """See ``CatalogChanges.mark``."""
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
        with self._plain_settings(keep=keep_settings or committed), garbage_collection_disabled():
            self.changes.prepare_to_read()
            written = self.changes.written(mark, self.known, self.others, committed=committed, own=own)
            units = Units(everything=True)
            if not written.everything:
                units = changed_units(self.changes, written, self.known, self.reading.columns)
            if units.everything or written.members not in (None, self._member_count()):
                return self._read_everything()
            return self._read_units(units, written) if units else Change(written=written)

    def accept(self, change: Change) -> None:
        """Take a change as the present state."""
        if change.listed is not None:
            with self._plain_settings(keep=True):
                self._take(change)
            return
        if change.written is not None:
            for name, rows in change.written.gone.items():
                for row in rows:
                    del self.known[name][row]
            for name, rows in change.written.rows.items():
                if name in self.known:
                    self.known[name].update(rows)
                self._remember_parts(name, rows)
        if change.reading is None:
            return
        forget(change.units, self.reading)
        new, old = change.reading, self.reading
        old.tables.update(new.tables.maps[0])  # type: ignore[attr-defined]
        old.columns.update(new.columns.maps[0])  # type: ignore[attr-defined]
        old.collations, old.sequences = new.collations, new.sequences
        old.names.update(new.names)
        for key in change.before:
            self.groups[group_of(*key, self.objects.pop(key))].discard(key)
        for key, properties in change.after.items():
            self.objects[key] = properties
            self.groups.setdefault(group_of(*key, properties), set()).add(key)

    def missed(self) -> Delta:
        """Return the delta from what is tracked to what a full read finds; empty if nothing was missed."""
        return difference(self.snapshot(), Snapshot(self._read_everything().after, self.readable_properties))

    def read_everything(self) -> set[Key]:
        """Read the whole schema again; return the objects that differ from the present state, which is replaced."""
        change = self._read_everything()
        self.accept(change)
        return {key for key in change.keys if change.before.get(key) != change.after.get(key)}

    def _plain_settings(self, *, keep: bool) -> Any:
        return consistent_read_transaction(self.connection) if keep else nullcontext()

    def _read_everything(self) -> Change:
        with consistent_read_transaction(self.connection), garbage_collection_disabled():
            reading = read_objects(self.connection, self.scope)
            return Change(dict(self.objects), reading.objects, reading, listed=self.changes.list_all())

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
            self.groups.setdefault(group_of(*key, properties), set()).add(key)
        self.parts: dict[int, set[int]] = {}
        for name, rows in self.known.items():
            self._remember_parts(name, rows)
        classes = self.changes.queries.named(["operator_class_names"], {})["operator_class_names"]
        self.classes = name_operator_classes(classes.rows)

    def _remember_parts(self, catalog: str, rows: Mapping[tuple[int, int], Any]) -> None:
        """Remember which numbers belong to a relation or a type: comments and sequences are found by them."""
        if catalog in PARTS:
            for (oid, _), entry in rows.items():
                if entry.container:
                    self.parts.setdefault(entry.container, set()).add(oid)

    def _member_count(self) -> int:
        """Return how many objects belong to extensions, or depend on one."""
        frame = self.reading.context
        return sum(map(len, frame.members.values())) + sum(map(len, frame.depends.values()))

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
        parts = {part for oid in (*units.relations, *units.types) for part in self.parts.get(oid, ())}
        parts |= {oid for catalog in PARTS for oid, _ in written.rows.get(catalog, {})}
        names = queries_of(units, written, parts, self.known)
        add_results(reading, self._ask(names, units, parts), self.classes)
        before = {
            key: self.objects[key] for name in names_of(units, old) for key in self.groups.get(name, ())
        }
        return Change(before, reading.objects, reading, units, written)

    def _ask(self, names: Iterable[str], units: Units, parts: set[int]) -> dict[str, Any]:
        """Ask for the units' rows, in one message."""
        everything = units.relations | units.sequences | units.functions | units.types | parts
        parameters = self.reading.context.parameters()
        parameters["relations"] = list(units.relations)
        parameters["sequences"] = list(units.sequences | parts)
        parameters["functions"] = list(units.functions)
        parameters["types"] = list(units.types)
        parameters["objects"] = list(everything)
        wanted = [name for name in names if name != "not_nulls" or self.changes.queries.major >= 18]
        answers = self.changes.queries.named(wanted, parameters, some=True, few=True)
        return {name: answer for name, answer in answers.items() if answer.rows}
