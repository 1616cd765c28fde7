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
    from collections.abc import Iterable, Mapping

    import psycopg

HELD = """
select l.relation, string_agg(l.mode, ','), pg_catalog.pg_stat_get_xact_numscans(l.relation),
       pg_catalog.pg_relation_filenode(l.relation), min(l.virtualtransaction)
from pg_catalog.pg_lock_status() l
where l.pid = pg_catalog.pg_backend_pid() and l.granted
  and (l.locktype = 'relation' and l.relation >= 16384 and l.mode <> 'SIReadLock' or l.locktype = 'virtualxid')
group by 1
"""
"""The locks on relations, and with NULL the transaction's lock on itself. Objects of the server itself have smaller OIDs than
16384 (FirstNormalObjectId in access/transam.h). The view pg_locks is nothing else than this function, but is planned longer."""
PENDING_SCANS = """
select c.oid, pg_catalog.pg_stat_get_xact_numscans(c.oid) from pg_catalog.pg_class c
where c.oid >= 16384 and c.relkind in ('r', 'p', 'm', 't', 'i')
  and pg_catalog.pg_stat_get_xact_numscans(c.oid) > 0
"""
"""Scans that this session has not reported yet: those of earlier transactions are among them."""
REPORT = "select pg_catalog.pg_stat_force_next_flush()"
"""The session reports its scans when the transaction ends, instead of once a second (manual, 27.2.26). Servers have the function
since version 15."""
FIRST_WITH_REPORT = 150000
BEFORE = """
prepare wish_rollout_before (oid[]) as
select c.oid, n.nspname, c.relname, c.relkind::text, c.relfilenode,
       (select string_agg(i.inhrelid::text, ',') from pg_catalog.pg_inherits i where i.inhparent = c.oid)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = any ($1) and n.nspname !~ '^pg_'
"""
PLAN_ONCE = "set plan_cache_mode = force_generic_plan"
LOCKABLE = ("r", "p")
"""Values of ``pg_class.relkind`` that LOCK TABLE takes. Of a view, it would lock the tables as well."""


Held = tuple[set[str], int, int | None]
"""The modes of the locks on a relation, its scans, and its file; None: the relation was dropped."""
NO_MODES: frozenset[str] = frozenset()


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


def is_next(before: str, now: str) -> bool:
    """Return whether no transaction of the session came between these two (manual, pg_locks, virtualtransaction)."""
    return bool(before) and int(before.rpartition("/")[2]) + 1 == int(now.rpartition("/")[2])


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
    _reporting: str = ""
    _is_prepared: bool = False

    def begin(self) -> None:
        """Read the counts and locks before the first statement of a transaction that is to be measured.

        Where the transaction before this one has reported its scans, only those of relations that are locked are pending.
        """
        reports = self.session.info.server_version >= FIRST_WITH_REPORT
        transaction, held = self._read(REPORT if reports else PENDING_SCANS)
        if reports and is_next(self._reporting, transaction):
            self._pending = {oid: scans for oid, (_, scans, _) in held.items() if scans}
        elif reports:
            self._read(PENDING_SCANS)
        self._reporting = transaction if reports else ""
        if transaction != self._transaction or not held:
            self._begin_transaction(transaction)
        self._scans.update(self._pending)
        self._modes = {oid: modes for oid, (modes, *_) in held.items()}

    def _read(self, first: str = "") -> tuple[str, dict[int, Held]]:
        """Return the transaction and its locks, by relation. ``first``: is executed before; pending scans are kept."""
        with ClientCursor(self.session, row_factory=tuple_row) as cursor:
            cursor.execute((f"{first};{HELD}" if first else HELD).encode())
            if first == PENDING_SCANS:
                self._pending = dict(cursor.fetchall())
            if first:
                cursor.nextset()
            rows = cursor.fetchall()
        held = {oid: (set(modes.split(",")), scans, file) for oid, modes, scans, file, _ in rows if oid}
        return rows[0][-1], held

    def measure(self, digest: str, *, outside: bool) -> StatementMeasurement:
        """Return what the last statement did. The session must be in the transaction that executed it."""
        transaction, held = self._read()
        if (
            transaction != self._transaction
        ):  # the statement has ended one and begun another, and nothing was reported
            self._reporting = ""
            self._begin_transaction(transaction)
        self._name(oid for oid, found in held.items() if self._is_touched(oid, *found))
        known = [(oid, *found, self._relations.get(oid)) for oid, found in held.items()]
        locks: tuple[list[TableLock], list[TableLock]] = ([], [])
        scanned, rewritten = [], []
        for oid, modes, scans, file, relation in known:
            if relation is None:
                continue
            locks[relation.kind not in LOCKABLE].extend(self._locks(oid, relation, modes, held))
            if self._is_new(self._scans, oid, scans, 0):
                scanned.append(str(relation))
            if self._is_new(self._files, oid, file, relation.file):
                rewritten.append(str(relation))
        found = StatementMeasurement(digest, outside, tuple(sorted(locks[0])), tuple(sorted(scanned)))
        return replace(found, rewrites=tuple(sorted(rewritten)), other_locks=tuple(sorted(locks[1])))

    def _begin_transaction(self, transaction: str) -> None:
        """Forget what was measured in the transaction before."""
        self._transaction = transaction
        for each in (self._modes, self._scans, self._files, self._relations):
            each.clear()
        self._scans.update(self._pending)

    def _is_touched(self, oid: int, modes: set[str], scans: int, _file: int | None) -> bool:
        """Return whether a relation was locked or scanned since the last statement."""
        return not self._modes.get(oid, NO_MODES).issuperset(modes) or scans != self._scans.get(oid, 0)

    def _name(self, oids: Iterable[int]) -> None:
        """Read the relations that are locked for the first time."""
        unknown = [oid for oid in oids if oid not in self._relations]
        if not unknown:
            return
        self._relations.update(dict.fromkeys(unknown))
        with ClientCursor(self.observer, row_factory=tuple_row) as cursor:
            if not self._is_prepared:
                cursor.execute(f"{PLAN_ONCE}; {BEFORE}".encode())
                self._is_prepared = True
            cursor.execute(f"execute wish_rollout_before ('{{{','.join(map(str, unknown))}}}')".encode())
            for oid, schema, name, kind, file, children in cursor:
                found = tuple(map(int, children.split(","))) if children else ()
                self._relations[oid] = Relation(schema, name, kind, file, found)

    def _locks(
        self, oid: int, relation: Relation, modes: set[str], held: Mapping[int, Held]
    ) -> Iterable[TableLock]:
        new = modes - self._modes.setdefault(oid, set())
        self._modes[oid] |= new
        for mode in new:
            recursive = all(child in held and mode in held[child][0] for child in relation.children)
            yield TableLock(relation.schema, relation.name, LockMode.from_pg_locks(mode), recursive=recursive)

    @staticmethod
    def _is_new(seen: dict[int, int], oid: int, value: int | None, first: int) -> bool:
        """Return whether a value differs from the one after the statement before; None: the relation was dropped."""
        before = seen.get(oid, first)
        seen[oid] = before if value is None else value
        return seen[oid] != before
