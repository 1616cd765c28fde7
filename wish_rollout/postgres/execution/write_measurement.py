"""Measure which rows a statement writes, on tables of a scratch database that get a few example rows for it.

The tables of a scratch database are empty, so a statement that writes rows does nothing there. Here, the tables that it
locks get example rows in a savepoint, the statement runs once more, and ``pg_stat_xact_all_tables`` counts what it
inserts, updates and deletes (manual, 27.2.2). Then the savepoint is rolled back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import ClientCursor, sql
from psycopg.rows import tuple_row

from wish_rollout.core.release.measurements import TableWrites

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wish_rollout.core.release.measurements import StatementMeasurement

EXAMPLE_ROWS = 3
MAX_ROUNDS = 3
"""A loop over rows can reach tables that it does not reach without rows: then these get example rows as well."""
TABLES = """
with recursive found(oid) as (
    select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname || '.' || c.relname = any (%s) and c.relkind = 'r'
    union select k.confrelid from found cross join lateral (
        select c.confrelid from pg_catalog.pg_constraint c
         where c.conrelid = found.oid and c.contype = 'f' offset 0) as k)
select c.oid, n.nspname, c.relname,
       array(select k.confrelid from pg_catalog.pg_constraint k where k.conrelid = c.oid and k.contype = 'f'),
       array(select k.conname::text from pg_catalog.pg_constraint k
              where k.conrelid = c.oid and k.contype = 'c' and k.conislocal)
  from found join pg_catalog.pg_class c using (oid) join pg_catalog.pg_namespace n on n.oid = c.relnamespace
"""
HELD = """
select n.nspname || '.' || c.relname, c.relname, bool_or(l.mode = 'RowExclusiveLock')
  from pg_catalog.pg_locks l join pg_catalog.pg_class c on c.oid = l.relation
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where l.pid = pg_catalog.pg_backend_pid() and l.locktype = 'relation' and c.relkind = 'r' and c.oid >= 16384
 group by 1, 2
"""
"""The tables that the session's transaction has locked, and whether it may have written them."""
COLUMNS = """
with recursive base(attnum, attname, needed, declared, type) as (
    select a.attnum, a.attname, a.attnotnull or exists (
             select from pg_catalog.pg_constraint k where k.conrelid = a.attrelid and a.attnum = any (k.conkey)),
           pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypid
      from pg_catalog.pg_attribute a
     where a.attrelid = %s and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    union all select base.attnum, attname, needed or t.typnotnull, declared, t.typbasetype
      from base join pg_catalog.pg_type t on t.oid = base.type where t.typtype = 'd')
select distinct on (attnum) attname, needed, declared, t.typtype::text, t.typcategory::text, t.typname
  from base join pg_catalog.pg_type t on t.oid = base.type where t.typtype <> 'd' order by attnum
"""
COUNTS = """
select n.nspname || '.' || s.relname, s.n_tup_ins, s.n_tup_upd, s.n_tup_del
  from pg_catalog.pg_stat_xact_all_tables s join pg_catalog.pg_namespace n on n.nspname = s.schemaname
 where s.relid = any (%s)
"""
VALUES = {
    "N": "i",
    "S": "i::text",
    "D": "(date '2024-01-01' + i)",
    "B": "true",
    "T": "(i * interval '1 day')",
    "I": "'10.0.0.1'",
    "V": "B'1'",
    "A": "'{}'",
    "R": "'empty'",
}
"""Expressions for example values, by ``pg_type.typcategory`` (manual, table 52.65). ``i`` is the number of the row."""
VALUES_BY_NAME = {
    "uuid": "pg_catalog.md5(i::text)::uuid",
    "json": "'{}'",
    "jsonb": "'{}'",
    "bytea": "'x'",
    "time": "'10:00'",
    "timetz": "'10:00'",
}
Count = tuple[int, int, int]


def measure_writes(
    session: psycopg.Connection[Any], text: str, measurement: StatementMeasurement
) -> tuple[TableWrites, ...]:
    """Return what a statement writes to tables with example rows; () if it writes none, or if that is unknown.

    ``session``: in the transaction that has executed the statement and holds its locks. ``text``: the statement, with
    its parameters filled in.
    """
    locked = {f"{lock.schema}.{lock.table}" for lock in measurement.locks or ()}
    for _ in range(MAX_ROUNDS):
        try:
            with (
                session.transaction(force_rollback=True),
                ClientCursor(session, row_factory=tuple_row) as cursor,
            ):
                locked |= _written_or_named(cursor, text)
                if not locked:
                    return ()
                found = _count_writes(cursor, text, sorted(locked))
                reached = {name for name, _, writes in cursor.execute(HELD).fetchall() if writes}
        except psycopg.Error:
            if session.closed:
                raise
            return ()
        if reached <= locked:
            break
        locked |= reached
    return tuple(sorted(found))


def _written_or_named(cursor: ClientCursor[Any], text: str) -> set[str]:
    """Return the locked tables that the transaction may have written, or that a statement names."""
    return {name for name, table, writes in cursor.execute(HELD).fetchall() if writes or table in text}


def _count_writes(cursor: ClientCursor[Any], text: str, names: Sequence[str]) -> list[TableWrites]:
    """Insert example rows, execute the statement, and return what it wrote."""
    tables = _insert_example_rows(cursor, names)
    before = _counts(cursor, list(tables))
    cursor.execute(text.encode())
    while cursor.nextset():
        pass
    rows = dict(tables.values())
    found = []
    for name, after in _counts(cursor, list(tables)).items():
        inserted, updated, deleted = (new - old for new, old in zip(after, before[name], strict=True))
        if inserted or updated or deleted:
            found.append(TableWrites(name, rows[name], inserted, updated, deleted))
    return found


def _counts(cursor: ClientCursor[Any], tables: Sequence[int]) -> dict[str, Count]:
    rows = cursor.execute(COUNTS, [tables]).fetchall()
    return {name: (inserted, updated, deleted) for name, inserted, updated, deleted in rows}


def _insert_example_rows(cursor: ClientCursor[Any], names: Sequence[str]) -> dict[int, tuple[str, int]]:
    """Insert rows into the empty ones of these tables, after the tables that they refer to; return OID → name, rows."""
    found = {row[0]: row for row in cursor.execute(TABLES, [names]).fetchall()}
    counts = _row_counts(cursor, {oid: sql.Identifier(*row[1:3]) for oid, row in found.items()})
    filled: dict[int, tuple[str, int]] = {}
    while found:
        ready = [oid for oid, row in found.items() if not (set(row[3]) - {oid}) & found.keys()]
        for oid in ready or list(found):
            _, schema, table, _, checks = found.pop(oid)
            place = sql.Identifier(schema, table)
            rows = counts[oid]
            if rows == 0:
                rows = EXAMPLE_ROWS
                _drop_checks(cursor, place, checks)
                cursor.execute(_insertion(cursor, oid, place))
            filled[oid] = f"{schema}.{table}", rows
    return filled


def _row_counts(cursor: ClientCursor[Any], tables: Mapping[int, sql.Identifier]) -> dict[int, int]:
    """Return how many rows each table has."""
    if not tables:
        return {}
    counts = [
        sql.SQL("SELECT {}::bigint, count(*) FROM {}").format(sql.Literal(oid), place)
        for oid, place in tables.items()
    ]
    return dict(cursor.execute(sql.SQL(" UNION ALL ").join(counts)).fetchall())


def _drop_checks(cursor: ClientCursor[Any], place: sql.Identifier, checks: Iterable[str]) -> None:
    """Drop CHECK constraints, which the example rows may violate."""
    for name in checks:
        cursor.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(place, sql.Identifier(name)))


def _insertion(cursor: ClientCursor[Any], oid: int, place: sql.Identifier) -> sql.Composed:
    """Return the INSERT of the example rows: a value in each column that needs one, and NULL in the others."""
    names, values = [], []
    for name, needed, declared, kind, category, base in cursor.execute(COLUMNS, [oid]).fetchall():
        value = VALUES_BY_NAME.get(base) or VALUES.get(category, "NULL")
        if kind == "e":
            value = f"(pg_catalog.enum_range(NULL::{declared}))[1]"
        names.append(sql.Identifier(name))
        values.append(sql.SQL(f"{value}::{declared}" if needed else "NULL"))
    return sql.SQL(
        "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM pg_catalog.generate_series(1, {}) AS i"
    ).format(place, sql.SQL(", ").join(names), sql.SQL(", ").join(values), sql.Literal(EXAMPLE_ROWS))
