"""Copies of columns that are made before a rollback locks their tables, and completed under the lock.

Before the first batch, the oldest transaction that is still running is noted (``pg_snapshot_xmin``, manual, 9.27.4). A
row version of an earlier transaction that still exists under the lock was visible to every batch. So only the rows whose
``xmin`` is not older are read again (``age(xmin)``, manual, 5.6 and 24.1.5), and their copies replaced by key. If there are
fewer rows than copies, rows were deleted, and the copies without a row are deleted. A table that was rewritten or
truncated meanwhile, or a column that is another one, is not completed: it is copied again as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

from wish_rollout.postgres.archives.archive_store import archived, drop_contents, revoke_all
from wish_rollout.postgres.archives.session_settings import plain_text_settings
from wish_rollout.postgres.archives.table_description import describe_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from wish_rollout.core.archive.archive import ArchivedObject
    from wish_rollout.core.archive.losses import Loss
    from wish_rollout.postgres.archives.table_description import TableDescription

LEAST_BYTES = 4 * 1024 * 1024
"""A smaller table is copied under the lock: that takes some milliseconds."""
BATCH_BLOCKS = 1024
"""So many blocks of a table are copied in one transaction."""
TREE: LiteralString = """
with recursive tree (oid) as (
    select to_regclass(%(table)s)::oid
    union all select i.inhrelid from pg_inherits i join tree on tree.oid = i.inhparent
)
"""
SIZE: LiteralString = (
    TREE
    + """
select coalesce(sum(pg_relation_size(oid)), 0), coalesce(max(pg_relation_size(oid)), 0) / current_setting('block_size')::int,
       coalesce(bool_or(row_security_active(oid)), true)
from tree where oid is not null
"""
)
IDENTITY: LiteralString = (
    TREE
    + """
select (select string_agg(concat_ws(':', oid, pg_relation_filenode(oid)), ',' order by oid) from tree),
       (select string_agg(concat_ws(':', a.attrelid, a.attnum, a.atttypid, a.atttypmod, (
            select string_agg(e.enumlabel, '/' order by e.enumsortorder) from pg_enum e
            join pg_type t on e.enumtypid in (t.oid, t.typelem) where t.oid = a.atttypid)), ',' order by a.attrelid, a.attnum)
        from pg_attribute a join tree on tree.oid = a.attrelid
        where quote_ident(a.attname) = any(%(columns)s) and not a.attisdropped)
"""
)
HORIZON: LiteralString = "select pg_snapshot_xmin(pg_current_snapshot())::xid::text"
LEFT: LiteralString = """
select relname::text from pg_class where relnamespace = to_regnamespace('wish_rollout_archive') and relkind = 'r'
and relname ~ '^p[0-9]+$'
"""


@dataclass(frozen=True, slots=True)
class PreparedColumn:
    """A copy of a column.

    ``relation``: its table in the archive schema. ``key``: of the column's table. ``identity``: of the table's files and
    of its columns. ``horizon``: the oldest transaction that was running before. ``rows``: the number of copies.
    """

    loss: Loss
    relation: str
    key: tuple[str, ...]
    identity: tuple[str, ...]
    horizon: str
    rows: int


def is_large(connection: psycopg.Connection[Any], table: str) -> bool:
    """Return whether a table, with its partitions and child tables, is so large that its columns are copied before."""
    row = connection.execute(SIZE, {"table": table}).fetchone()
    return row is not None and int(row[0]) >= LEAST_BYTES and not row[2]


def prepare_column(
    connection: psycopg.Connection[Any], loss: Loss, lost: frozenset[str], number: int
) -> PreparedColumn | None:
    """Copy a column in batches, with the lock of a SELECT only; None if its table has no key.

    ``lost``: the columns of the table that the rollback takes away. ``number``: of the copy. The session is in
    autocommit mode, and the archive schema exists. Raises psycopg's errors.
    """
    relation = f"p{number}"
    with connection.transaction(), plain_text_settings(connection):
        row = connection.execute(SIZE, {"table": loss.table}).fetchone()
        description = describe_table(connection, loss.table)
        key = description.key_without(lost) if description else ()
        if row is None or not description or not key:
            return None
        columns = (*key, loss.column)
        stored = ", ".join(f"{description.columns[name].stored} as {name}" for name in columns)
        identity = _identity(connection, loss.table, columns)
        connection.execute(
            f"create table {archived(relation)} as select {stored} from {loss.table} with no data".encode()
        )
        # a publication of all tables refuses to delete from a table without one (manual, CREATE PUBLICATION)
        connection.execute(f"alter table {archived(relation)} replica identity full".encode())
        revoke_all(connection, relation)
    (horizon,) = _row(connection, HORIZON)
    rows = 0
    for block in range(0, int(row[1]) + 1, BATCH_BLOCKS):
        where = f"ctid >= '({block},0)' and ctid < '({block + BATCH_BLOCKS},0)'"
        with connection.transaction(), plain_text_settings(connection):
            rows += _insert(connection, relation, loss, stored, where)
    return PreparedColumn(loss, relation, key, identity, horizon, rows)


def take_prepared(
    connection: psycopg.Connection[Any],
    prepared: PreparedColumn,
    kept: ArchivedObject,
    description: TableDescription,
) -> int | None:
    """Complete a copy, make it the archive table of ``kept``, and return the number of its rows.

    None if it cannot be completed; then it is dropped. Call it in a transaction that holds a lock on the table, with the
    settings of ``plain_text_settings``.
    """
    exists = connection.execute(
        "select to_regclass(%s) is not null", [archived(prepared.relation)]
    ).fetchone()
    if not exists or not exists[0]:
        return None
    rows = None
    if (prepared.key, prepared.identity) == (
        kept.key,
        _identity(connection, kept.table, kept.stored_columns),
    ):
        rows = _complete(connection, prepared, kept, description)
    if not rows:
        drop_contents(connection, [prepared.relation])
        return None
    connection.execute(f"alter table {archived(prepared.relation)} rename to {kept.relation}".encode())
    return rows


def _complete(
    connection: psycopg.Connection[Any],
    prepared: PreparedColumn,
    kept: ArchivedObject,
    description: TableDescription,
) -> int | None:
    """Replace the copies of changed rows, delete those of deleted rows, and return the number of copies; None if it is wrong."""
    changed = f"age(t.xmin) <= age('{int(prepared.horizon)}'::xid)"
    stored = {name: description.columns[name].stored for name in kept.stored_columns}
    keys = " and ".join(f"t.{stored[name]} = p.{name}" for name in kept.key)
    copies = f"delete from {archived(prepared.relation)} as p"
    present, updated = _row(
        connection,
        f"select count(*) filter (where num_nonnulls({kept.columns[0]}) > 0), count(*) filter (where {changed}) "
        f"from {kept.table} as t",
    )
    rows = prepared.rows
    if updated:
        delete = f"{copies} using {kept.table} as t where {keys} and {changed}"
        rows -= connection.execute(delete.encode()).rowcount
        listed = ", ".join(f"{expression} as {name}" for name, expression in stored.items())
        rows += _insert(connection, prepared.relation, prepared.loss, listed, changed)
    if rows != present:
        delete = f"{copies} where not exists (select from {kept.table} as t where {keys})"
        rows -= connection.execute(delete.encode()).rowcount
    return rows if rows == present else None


def drop_prepared(connection: psycopg.Connection[Any]) -> None:
    """Drop copies that were not used, also those of a rollback that was interrupted. Call it with the rollout lock."""
    drop_contents(connection, [row[0] for row in connection.execute(LEFT).fetchall()])


def _insert(connection: psycopg.Connection[Any], relation: str, loss: Loss, stored: str, where: str) -> int:
    source = f"{loss.table} as t where {where} and num_nonnulls({loss.column}) > 0"
    return connection.execute(
        f"insert into {archived(relation)} select {stored} from {source}".encode()
    ).rowcount


def _identity(connection: psycopg.Connection[Any], table: str, columns: Sequence[str]) -> tuple[str, ...]:
    row = connection.execute(IDENTITY, {"table": table, "columns": list(columns)}).fetchone()
    return tuple(map(str, row or ()))


def _row(connection: psycopg.Connection[Any], query: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row
