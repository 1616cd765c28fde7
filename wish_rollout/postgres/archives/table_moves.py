"""Moving a table into the archive schema: its rows and its key stay, everything else of it is dropped.

Nothing is copied or rewritten (manual, ALTER TABLE, SET SCHEMA). What is dropped from the moved table is what could fire,
be read by others, or depend on objects that a later release drops; an empty table with all of it is created in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from wish_rollout.core.schema.names import split_last
from wish_rollout.postgres.archives.archive_store import SCHEMA, revoke_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

FOREIGN_KEYS: LiteralString = """
select format('alter table %%s drop constraint %%I', conrelid::regclass, conname) from pg_constraint
where conrelid = %(table)s::regclass and contype = 'f'
"""
PARTS: LiteralString = """
with key as (
    select i.indexrelid from pg_index i where i.indrelid = %(table)s::regclass and i.indisprimary
)
select statement from (
    select 1, format('drop trigger %%I on %%s', tgname, tgrelid::regclass) from pg_trigger
    where tgrelid = %(table)s::regclass and not tgisinternal
    union all select 1, format('drop policy %%I on %%s', polname, polrelid::regclass) from pg_policy
    where polrelid = %(table)s::regclass
    union all select 2, format('alter table %%s drop constraint %%I', conrelid::regclass, conname) from pg_constraint
    where conrelid = %(table)s::regclass and contype in ('c', 'u', 'x')
    union all select 3, format('drop index %%s', indexrelid::regclass) from pg_index i
    where indrelid = %(table)s::regclass and indexrelid not in (select indexrelid from key)
      and not exists (select from pg_constraint c where c.conindid = i.indexrelid and c.conrelid = i.indrelid)
    union all select 4, format('alter table %%s drop column %%I', attrelid::regclass, attname) from pg_attribute
    where attrelid = %(table)s::regclass and attgenerated <> '' and not attisdropped
    union all select 5, format('alter table %%s alter %%I drop identity', attrelid::regclass, attname) from pg_attribute
    where attrelid = %(table)s::regclass and attidentity <> '' and not attisdropped
    union all select 5, format('alter table %%s alter %%I drop default', attrelid::regclass, attname) from pg_attribute
    where attrelid = %(table)s::regclass and atthasdef and attgenerated = '' and not attisdropped
    union all select 6, format('drop sequence %%s', d.objid::regclass) from pg_depend d
    join pg_class s on s.oid = d.objid and s.relkind = 'S'
    where d.refobjid = %(table)s::regclass and d.classid = 'pg_class'::regclass and d.deptype = 'a'
    union all select 7, format('alter table %%s no force row level security', c.oid::regclass) from pg_class c
    where c.oid = %(table)s::regclass and c.relforcerowsecurity
    union all select 8, format('alter table %%s owner to current_user', c.oid::regclass) from pg_class c
    where c.oid = %(table)s::regclass and c.relowner <> current_user::regrole
) as parts (place, statement) order by place, statement
"""
KEY_INDEX: LiteralString = """
select i.indexrelid::regclass::text from pg_index i where i.indrelid = %s::regclass and i.indisprimary
"""


def move_tables(connection: psycopg.Connection[Any], tables: Sequence[tuple[str, str]]) -> None:
    """Move tables into the archive schema, with new names: pairs of the quoted name and the archive table's own name.

    Call it in a transaction that holds ACCESS EXCLUSIVE locks on them. Raises psycopg's errors.
    """
    for table, _ in tables:
        _execute_each(connection, FOREIGN_KEYS, table)
    for table, relation in tables:
        _execute_each(connection, PARTS, table)
        if row := connection.execute(KEY_INDEX, [table]).fetchone():
            connection.execute(f"alter index {row[0]} rename to {relation}_key".encode())
        _move(connection, "table", table, relation)
        revoke_all(connection, relation)


def move_enums(connection: psycopg.Connection[Any], enums: Sequence[tuple[str, str]]) -> None:
    """Move enums into the archive schema, with new names: pairs of the quoted name and the new name."""
    for enum, name in enums:
        connection.execute(f"alter type {enum} owner to current_user".encode())
        _move(connection, "type", enum, name)


def _move(connection: psycopg.Connection[Any], kind: str, name: str, new: str) -> None:
    """Rename an object and set its schema. Its name is unique in both schemas while it is renamed first."""
    schema, _ = split_last(name)
    connection.execute(f"alter {kind} {name} rename to {new}".encode())
    connection.execute(f"alter {kind} {schema}.{new} set schema {SCHEMA}".encode())


def _execute_each(connection: psycopg.Connection[Any], query: LiteralString, table: str) -> None:
    for (statement,) in connection.execute(query, {"table": table}).fetchall():
        connection.execute(statement.encode())
