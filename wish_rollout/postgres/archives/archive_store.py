"""The schema ``wish_rollout_archive`` and its table ``archives``: one row for each rollback that archived something.

The schema belongs to the migrating role and has no grants, so only that role and superusers can read what is in it
(manual, 5.8 Privileges; USAGE on a schema).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, LiteralString

from psycopg.types.json import Jsonb

from wish_rollout.core.archive.archive import Archive, ArchivedObject, ArchiveState

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    Connection = psycopg.Connection[Any]

SCHEMA: LiteralString = "wish_rollout_archive"
NAME = re.compile("[a-z0-9_]{1,50}")
"""The form of the names in the schema, which contain nothing of the names of the archived tables."""
TABLE: LiteralString = """
create table wish_rollout_archive.archives (
    number bigint primary key,
    environment text not null,
    version_table text not null,
    revision_from text not null,
    revision_to text not null,
    created timestamptz not null default clock_timestamp(),
    keep text not null,
    state text not null,
    objects jsonb not null default '[]',
    sequences jsonb not null default '{}',
    types jsonb not null default '[]',
    ledger_row bigint
);
comment on table wish_rollout_archive.archives is
    'What rollbacks of Wish Rollout have archived. The rows are in the other tables of this schema.';
"""
EXISTS: LiteralString = "select to_regclass('wish_rollout_archive.archives') is not null"
BLOCKED: LiteralString = """
select case
    when n.oid is null and not has_database_privilege(current_database(), 'CREATE')
    then 'the role may not create the schema wish_rollout_archive'
    when n.oid is not null and not (pg_has_role(n.nspowner, 'USAGE') and has_schema_privilege(n.oid, 'CREATE'))
    then 'the schema wish_rollout_archive belongs to another role'
    when exists (select from aclexplode(n.nspacl) as acl where acl.grantee <> n.nspowner)
    then 'other roles have privileges on the schema wish_rollout_archive' end
from (select) as one left join pg_namespace n on n.nspname = 'wish_rollout_archive'
"""
PUBLISHED: LiteralString = "select exists (select from pg_publication where puballtables)"
NEW: LiteralString = """
insert into wish_rollout_archive.archives (number, environment, version_table, revision_from, revision_to, keep, state)
select coalesce(max(number), 0) + 1, %s, %s, %s, %s, %s, 'open' from wish_rollout_archive.archives returning number
"""
READ: LiteralString = """
select number, environment, version_table, revision_from, revision_to,
       to_char(created at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), keep, state, objects, sequences, types, ledger_row,
       (select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint from jsonb_array_elements(objects) as o
        join pg_class c on c.relnamespace = 'wish_rollout_archive'::regnamespace and c.relname = o->>'relation')
from wish_rollout_archive.archives where version_table = %s order by number
"""
WRITE: LiteralString = """
update wish_rollout_archive.archives
set state = %s, objects = %s, sequences = %s, types = %s, ledger_row = %s where number = %s
"""
GRANTEES: LiteralString = """
select distinct case when acl.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(acl.grantee)) end
from pg_class c, lateral (
    select * from aclexplode(c.relacl)
    union all select e.* from pg_attribute a, aclexplode(a.attacl) as e where a.attrelid = c.oid
) as acl
where c.oid = %s::regclass and acl.grantee <> c.relowner
"""


def write_privilege_missing(connection: Connection) -> str:
    """Return why the role cannot use the archive schema, or cannot create it; empty if it can."""
    row = connection.execute(BLOCKED).fetchone()
    return (row and row[0]) or ""


def is_published(connection: Connection) -> bool:
    """Return whether a publication of all tables sends what is in the schema to its subscribers."""
    row = connection.execute(PUBLISHED).fetchone()
    return bool(row and row[0])


def create_if_missing(connection: Connection) -> None:
    """Create the schema and the table in the current transaction. The caller must hold the rollout lock."""
    if archives_exist(connection):
        return
    row = connection.execute("select to_regnamespace('wish_rollout_archive') is null").fetchone()
    if row and row[0]:
        connection.execute("create schema wish_rollout_archive")
    connection.execute(TABLE)
    revoke_all(connection, "archives")


def archives_exist(connection: Connection) -> bool:
    """Return whether the table ``archives`` exists."""
    row = connection.execute(EXISTS).fetchone()
    return bool(row and row[0])


def new_archive(
    connection: Connection, environment: str, version_table: str, revisions: tuple[str, str], keep: str
) -> Archive:
    """Insert an archive in the current transaction, and return it. ``revisions``: from and to."""
    connection.execute(NEW, [environment, version_table, *revisions, keep])
    return read_archives(connection, version_table)[-1]


def read_archives(connection: Connection, version_table: str) -> list[Archive]:
    """Return all archives of a project's databases, oldest first; none if the schema does not exist."""
    if not archives_exist(connection):
        return []
    rows = connection.execute(READ, [version_table]).fetchall()
    return [_archive(*row) for row in rows]


def _archive(*row: Any) -> Archive:
    """Return the archive of a row of READ, whose columns are in the order of the fields."""
    stored = Archive(*row)
    objects = tuple(map(ArchivedObject.from_dict, row[8]))
    return replace(stored, state=ArchiveState(stored.state), objects=objects, types=tuple(stored.types))


def write_archive(connection: Connection, archive: Archive) -> None:
    """Update the row of an archive in the current transaction."""
    objects = Jsonb([each.as_dict() for each in archive.objects])
    values = [archive.state.value, objects, Jsonb(dict(archive.sequences)), Jsonb(list(archive.types))]
    connection.execute(WRITE, [*values, archive.ledger_row, archive.number])


def delete_archive(connection: Connection, archive: Archive) -> None:
    """Delete the row of an archive that has nothing in it."""
    connection.execute("delete from wish_rollout_archive.archives where number = %s", [archive.number])


def drop_contents(connection: Connection, relations: Sequence[str], types: Sequence[str] = ()) -> None:
    """Drop tables and types of the archive schema, in the current transaction."""
    for kind, names in (("table", relations), ("type", types)):
        for name in names:
            connection.execute(f"drop {kind} if exists {archived(name)}".encode())


def archived(relation: str) -> str:
    """Return the qualified name of a table or type in the archive schema. Raises ValueError for a name of another form."""
    if not NAME.fullmatch(relation):
        raise ValueError(f"not a name of an archive table: {relation!r}")
    return f"{SCHEMA}.{relation}"


def revoke_all(connection: Connection, relation: str) -> None:
    """Revoke what default privileges or earlier grants allow other roles on a table of the archive schema."""
    name = archived(relation)
    for (grantee,) in connection.execute(GRANTEES, [name]).fetchall():
        connection.execute(f"revoke all on table {name} from {grantee}".encode())
