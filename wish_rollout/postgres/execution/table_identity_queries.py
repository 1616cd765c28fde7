"""Read which tables and columns a database has, by their OIDs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import ClientCursor
from psycopg.rows import tuple_row

from wish_rollout.core.archive.table_identities import Identities, TableIdentity

if TYPE_CHECKING:
    import psycopg

IDENTITIES: LiteralString = """
select c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relfilenode, c.relispartition,
       array(select i.inhparent from pg_catalog.pg_inherits i where i.inhrelid = c.oid),
       array(select a.attnum from pg_catalog.pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum),
       array(select quote_ident(a.attname) from pg_catalog.pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum),
       array(select pg_catalog.format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by c.oid
"""


def read_identities(session: psycopg.Connection[Any]) -> Identities:
    """Return the tables of the session's database as its transaction sees them. Raises psycopg's errors."""
    with ClientCursor(session, row_factory=tuple_row) as cursor:
        rows = cursor.execute(IDENTITIES.encode()).fetchall()
    return {
        oid: TableIdentity(
            name,
            file,
            dict(zip(numbers, zip(names, types, strict=True), strict=True)),
            frozenset(parents),
            is_partition,
        )
        for oid, name, file, is_partition, parents, numbers, names, types in rows
    }
