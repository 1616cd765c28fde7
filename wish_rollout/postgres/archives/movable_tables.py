"""Which tables can be moved into the archive schema, instead of being copied.

A table is moved only if nothing else depends on it or on an enum that it uses, and if it then depends on nothing that a
later release could drop. The rest is copied, which is always correct.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    from collections.abc import Collection

    import psycopg

MOVABLE: LiteralString = """
with lost as materialized (
    select c.oid, c.reltype from unnest(%(tables)s::text[]) as name
    join pg_class c on c.oid = to_regclass(name)
    where c.relkind = 'r' and not c.relispartition and c.relpersistence = 'p' and c.reloftype = 0
), enums as materialized (
    select t.oid, t.typarray from unnest(%(enums)s::text[]) as name join pg_type t on t.oid = to_regtype(name)
), own as materialized (
    select 'pg_class'::regclass as class, indexrelid as object, indrelid as of from pg_index
    union all select 'pg_constraint'::regclass, oid, conrelid from pg_constraint where conrelid <> 0
    union all select 'pg_attrdef'::regclass, oid, adrelid from pg_attrdef
    union all select 'pg_trigger'::regclass, oid, tgrelid from pg_trigger
    union all select 'pg_policy'::regclass, oid, polrelid from pg_policy
    union all select 'pg_class'::regclass, reltoastrelid, oid from pg_class where reltoastrelid <> 0
    union all select 'pg_class'::regclass, oid, oid from pg_class where relkind = 'r'
    union all select 'pg_type'::regclass, reltype, oid from pg_class where relkind = 'r'
    union all select 'pg_type'::regclass, t.typarray, c.oid from pg_class c join pg_type t on t.oid = c.reltype
              where c.relkind = 'r'
    union all select d.classid, d.objid, d.refobjid from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
              where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
), bound as (  -- what other objects depend on
    select d.refobjid as object, d.refclassid as class from pg_depend d
    where (d.refclassid, d.refobjid) in (
            select 'pg_class'::regclass::oid, oid from lost union all select 'pg_type'::regclass::oid, reltype from lost
            union all select 'pg_type'::regclass::oid, oid from enums
            union all select 'pg_type'::regclass::oid, typarray from enums)
      and not exists (select from own join lost on lost.oid = own.of where own.class = d.classid and own.object = d.objid)
      and not (d.classid = 'pg_type'::regclass and d.objid in (select typarray from enums))
)
select c.oid::regclass::text from lost join pg_class c on c.oid = lost.oid
where not exists (select from pg_inherits where lost.oid in (inhrelid, inhparent))
  and not exists (select from bound where bound.object in (lost.oid, lost.reltype))
  and not exists (
    select from pg_attribute a join pg_type t on t.oid = a.atttypid
    left join enums on a.atttypid in (enums.oid, enums.typarray)
    left join pg_collation l on l.oid = a.attcollation
    where a.attrelid = lost.oid and a.attnum > 0 and not a.attisdropped
      and (t.typnamespace <> 'pg_catalog'::regnamespace and enums.oid is null
           or exists (select from bound where bound.object in (enums.oid, enums.typarray))
           or l.collnamespace <> 'pg_catalog'::regnamespace))
"""
USED_ENUMS: LiteralString = """
select distinct t.oid::regtype::text from pg_attribute a join pg_type t on a.atttypid in (t.oid, t.typarray)
where a.attrelid = any (%s::text[]::regclass[]::oid[]) and a.attnum > 0 and not a.attisdropped and t.typtype = 'e'
order by 1
"""


def movable_tables(
    connection: psycopg.Connection[Any], tables: Collection[str], enums: Collection[str]
) -> set[str]:
    """Return the tables that can be moved, by the names that were passed.

    ``tables``: all lost tables. ``enums``: all enums that are dropped with them. If a table cannot be moved, no table
    that has an enum in common with it, or a foreign key to it, can. Call it with an empty search_path.
    """
    left = set(tables)
    while left:
        found = connection.execute(MOVABLE, {"tables": sorted(left), "enums": sorted(enums)}).fetchall()
        movable = left & {row[0] for row in found}
        if movable == left:
            break
        left = movable
    return left


def used_enums(connection: psycopg.Connection[Any], tables: Collection[str]) -> list[str]:
    """Return the enums that are the types of columns of some tables, or of arrays there."""
    return [row[0] for row in connection.execute(USED_ENUMS, [sorted(tables)])]
