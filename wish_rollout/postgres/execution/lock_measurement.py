"""Measure what a statement locks, scans and rewrites: on a scratch database, before its transaction ends.

Two sessions are read. In the measured session, ``pg_locks`` has the locks, ``pg_stat_get_xact_numscans()`` counts the
scans, and ``pg_class.relfilenode`` changes when a table or index is rewritten (manual, 28.2 and 54.12). The second
session cannot see what the transaction has changed. So it names each relation as it was named when the transaction
began, which is what LOCK TABLE needs, and it does not see the relations that the transaction has created.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from psycopg import ClientCursor
from psycopg.rows import tuple_row

from wish_rollout.core.release.measurements import StatementMeasurement
from wish_rollout.core.release.table_locks import LockMode, TableLock

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

HELD = """
select l.relation, array_agg(l.mode), pg_catalog.pg_stat_get_xact_numscans(l.relation),
       pg_catalog.pg_relation_filenode(l.relation), min(l.virtualtransaction)
from pg_catalog.pg_locks l
where l.pid = pg_catalog.pg_backend_pid() and l.locktype = 'relation' and l.granted
  and l.relation >= 16384 and l.mode <> 'SIReadLock'
group by 1
"""
"""Objects of the server itself have smaller OIDs than 16384 (FirstNormalObjectId in access/transam.h)."""
PENDING_SCANS = """
select c.oid, pg_catalog.pg_stat_get_xact_numscans(c.oid) from pg_catalog.pg_class c
where c.oid >= 16384 and c.relkind in ('r', 'p', 'm', 't', 'i')
  and pg_catalog.pg_stat_get_xact_numscans(c.oid) > 0
"""
"""Scans that this session has not reported yet: those of earlier transactions are among them."""
BEFORE = """
select c.oid, n.nspname, c.relname, c.relkind::text, c.relfilenode,
       array(select i.inhrelid from pg_catalog.pg_inherits i where i.inhparent = c.oid)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = any (%s::oid[]) and n.nspname !~ '^pg_'
"""
LOCKABLE = ("r", "p")
"""Values of ``pg_class.relkind`` that LOCK TABLE takes. Of a view, it would lock the tables as well."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation as it was before the transaction."""

    schema: str
    name: str
    kind: str
    file: int
    children: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass
class LockMeter:
    """Measures the statements of one session, each right after it was executed and before its transaction ends.

    ``session``: executes the statements. ``observer``: a second session in the same database, in autocommit.
    """

    session: psycopg.Connection[Any]
    observer: psycopg.Connection[Any]
    _modes: dict[int, set[str]] = field(default_factory=dict)
    _scans: dict[int, int] = field(default_factory=dict)
    _files: dict[int, int] = field(default_factory=dict)
    _relations: dict[int, Relation | None] = field(default_factory=dict)
    _pending: dict[int, int] = field(default_factory=dict)
    _transaction: str = ""

    def begin(self) -> None:
        """Read the counts and locks before the first statement of a transaction that is to be measured."""
        with ClientCursor(self.session, row_factory=tuple_row) as cursor:
            cursor.execute(f"{PENDING_SCANS};{HELD}".encode())
            self._pending = dict(cursor.fetchall())
            cursor.nextset()
            held = cursor.fetchall()
        transaction = held[0][-1] if held else ""
        if transaction != self._transaction or not held:
            self._begin_transaction(transaction)
        self._scans.update(self._pending)
        self._modes = {oid: set(modes) for oid, modes, *_ in held}

    def measure(self, digest: str, *, outside: bool) -> StatementMeasurement:
        """Return what the last statement did. The session must be in the transaction that executed it."""
        with ClientCursor(self.session, row_factory=tuple_row) as cursor:
            held: list[tuple[Any, ...]] = cursor.execute(HELD.encode()).fetchall()
        if held and held[0][-1] != self._transaction:
            if self._transaction:
                self._begin_transaction(held[0][-1])
            self._transaction = held[0][-1]
        self._name(row[0] for row in held if self._is_touched(row))
        known = [(row, relation) for row in held if (relation := self._relations.get(row[0]))]
        locks: tuple[list[TableLock], list[TableLock]] = ([], [])
        for (oid, modes, *_), each in known:
            locks[each.kind not in LOCKABLE].extend(self._locks(oid, each, modes, held))
        scans = [str(each) for row, each in known if self._is_new(self._scans, row[0], row[2], 0)]
        rewrites = [str(each) for row, each in known if self._is_new(self._files, row[0], row[3], each.file)]
        found = StatementMeasurement(digest, outside, tuple(sorted(locks[0])), tuple(sorted(scans)))
        return replace(found, rewrites=tuple(sorted(rewrites)), other_locks=tuple(sorted(locks[1])))

    def _begin_transaction(self, transaction: str) -> None:
        """Forget what was measured in the transaction before."""
        self._transaction = transaction
        for each in (self._modes, self._scans, self._files, self._relations):
            each.clear()
        self._scans.update(self._pending)

    def _is_touched(self, row: tuple[Any, ...]) -> bool:
        """Return whether a relation was locked or scanned since the last statement."""
        oid, modes, scans, *_ = row
        return not self._modes.get(oid, set()).issuperset(modes) or scans != self._scans.get(oid, 0)

    def _name(self, oids: Iterable[int]) -> None:
        """Read the relations that are locked for the first time."""
        unknown = [oid for oid in oids if oid not in self._relations]
        if not unknown:
            return
        self._relations.update(dict.fromkeys(unknown))
        for oid, schema, name, kind, file, children in self.observer.execute(BEFORE, [unknown]):
            self._relations[oid] = Relation(schema, name, kind, file, tuple(children))

    def _locks(
        self, oid: int, relation: Relation, modes: list[str], held: list[tuple[Any, ...]]
    ) -> Iterable[TableLock]:
        new = set(modes) - self._modes.setdefault(oid, set())
        self._modes[oid] |= new
        by_oid = {row[0]: row[1] for row in held}
        for mode in new:
            recursive = all(mode in by_oid.get(child, ()) for child in relation.children)
            yield TableLock(relation.schema, relation.name, LockMode.from_pg_locks(mode), recursive=recursive)

    @staticmethod
    def _is_new(seen: dict[int, int], oid: int, value: int | None, first: int) -> bool:
        """Return whether a value differs from the one after the statement before; None: the relation was dropped."""
        before = seen.get(oid, first)
        seen[oid] = before if value is None else value
        return seen[oid] != before
