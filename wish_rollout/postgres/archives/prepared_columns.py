"""Copies of columns that are made before a rollback locks their tables, and completed under the lock.

Before the first batch, the oldest transaction that is still running is noted (``pg_snapshot_xmin``, manual, 9.27.4). A
row version of an earlier transaction that still exists under the lock was visible to every batch. So only the rows whose
``xmin`` is not older are read again (``age(xmin)``, manual, 5.6 and 24.1.5), and their copies replaced by key. If a batch has
more copies than its blocks have other rows, rows were deleted, and its copies without a row are deleted. A table that was
rewritten or truncated meanwhile, or a column that is another one, is not completed: it is copied again as a whole.
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

    from wish_rollout.core.archive.losses import Loss

LEAST_BYTES = 4 * 1024 * 1024
"""A smaller table is copied under the lock: that takes some milliseconds."""
BATCH = "wish_rollout_batch"
"""The column of a copy with the number of its batch; it is dropped under the lock."""
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
    of its columns. ``horizon``: the oldest transaction that was running before. ``batches``: the number of copies in each, of
    ``batch_blocks`` blocks of the table.
    """

    loss: Loss
    relation: str
    key: tuple[str, ...]
    identity: tuple[str, ...]
    horizon: str
    batch_blocks: int
    batches: tuple[int, ...]

    @property
    def rows(self) -> int:
        """The number of copies."""
        return sum(self.batches)


def is_large(connection: psycopg.Connection[Any], table: str) -> bool:
    """Return whether a table, with its partitions and child tables, is so large that its columns are copied before."""
    row = connection.execute(SIZE, {"table": table}).fetchone()
    return row is not None and int(row[0]) >= LEAST_BYTES and not row[2]


def prepare_column(
    connection: psycopg.Connection[Any], loss: Loss, lost: frozenset[str], number: int
) -> PreparedColumn | None:
    """Copy a column in batches, with the lock of a SELECT only; None if it is gone, or its table has no key.

    ``lost``: the columns of the table that the rollback takes away. ``number``: of the copy. The session is in
    autocommit mode, and the archive schema exists. Raises psycopg's errors.
    """
    relation = f"p{number}"
    with connection.transaction(), plain_text_settings(connection):
        row = connection.execute(SIZE, {"table": loss.table}).fetchone()
        description = describe_table(connection, loss.table)
        key = description.key_without(lost) if description else ()
        if row is None or not description or not key or loss.column not in description.columns:
            return None
        columns = (*key, loss.column)
        stored = ", ".join(f"{description.columns[name].stored} as {name}" for name in columns)
        identity = read_identity(connection, loss.table, columns)
        connection.execute(
            f"create table {archived(relation)} as select {stored}, 0 as {BATCH} from {loss.table} with no data".encode()
        )
        # a publication of all tables refuses to delete from a table without one (manual, CREATE PUBLICATION)
        connection.execute(f"alter table {archived(relation)} replica identity full".encode())
        revoke_all(connection, relation)
    (horizon,) = _row(connection, HORIZON)
    batches: list[int] = []
    for block in range(0, int(row[1]) + 1, BATCH_BLOCKS):
        source = f"{loss.table} where ctid >= '({block},0)' and ctid < '({block + BATCH_BLOCKS},0)'"
        copy = f"insert into {archived(relation)} select {stored}, {len(batches)} from {source} and num_nonnulls({loss.column}) > 0"
        with connection.transaction(), plain_text_settings(connection):
            batches.append(connection.execute(copy.encode()).rowcount)
    with connection.transaction(), plain_text_settings(connection):
        connection.execute(f"create index {relation}_key on {archived(relation)} ({', '.join(key)})".encode())
        connection.execute(
            f"create index {relation}_batch on {archived(relation)} using brin ({BATCH})".encode()
        )
        connection.execute(f"analyze {archived(relation)}".encode())
    return PreparedColumn(loss, relation, key, identity, horizon, BATCH_BLOCKS, tuple(batches))


def drop_prepared(connection: psycopg.Connection[Any]) -> None:
    """Drop copies that were not used, also those of a rollback that was interrupted. Call it with the rollout lock."""
    drop_contents(connection, [row[0] for row in connection.execute(LEFT).fetchall()])


def read_identity(connection: psycopg.Connection[Any], table: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Return what differs if a table was rewritten or truncated, or if its columns are others."""
    row = connection.execute(IDENTITY, {"table": table, "columns": list(columns)}).fetchone()
    return tuple(map(str, row or ()))


def _row(connection: psycopg.Connection[Any], query: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row
