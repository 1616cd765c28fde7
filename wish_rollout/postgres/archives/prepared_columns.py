"""Copies of columns that are made before a rollback locks their tables, and completed under the lock.

Before the size of the table is read and the first batch is copied, the oldest transaction that is still running is noted
(``pg_snapshot_xmin``, manual, 9.27.4). A row version of an earlier transaction that still exists under the lock was in
the blocks of that size or before, and visible to every batch. So only the rows whose
``xmin`` is not older are read again (``age(xmin)``, manual, 5.6 and 24.1.5), and their copies replaced by key. If a batch has
more copies than its blocks have other rows, rows were deleted, and its copies without a row are deleted. A table that was
rewritten or truncated meanwhile, or a column that is another one, is not completed: it is copied again as a whole.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from wish_rollout.postgres.archives.archive_store import archived, drop_contents, revoke_all
from wish_rollout.postgres.archives.session_settings import plain_text_settings
from wish_rollout.postgres.archives.table_description import describe_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wish_rollout.core.archive.losses import Loss

LEAST_BYTES = 4 * 1024 * 1024
"""A smaller table is copied under the lock: that takes some milliseconds."""
BATCH = "wish_rollout_batch"
"""The column of a copy with the number of its batch; it is dropped under the lock."""
BATCH_BLOCKS = 1024
"""So many blocks of a table are copied in one transaction."""
LAST_BLOCK = 0xFFFFFFFE
DROP_MS = 200
"""A copy that was not used is left where another session holds a lock on it for longer."""
LOCK_MS = 2_000
"""A copy waits so long for a lock that another session holds; then the column is copied under the lock."""
PLAIN: LiteralString = """
select c.relkind = 'r' and a.amname = 'heap' and not exists (select from pg_inherits where inhparent = c.oid)
       and not row_security_active(c.oid), pg_relation_size(c.oid), pg_relation_size(c.oid) / current_setting('block_size')::int
from pg_class c left join pg_am a on a.oid = c.relam where c.oid = to_regclass(%s)
"""
IDENTITY: LiteralString = """
select concat_ws(':', c.oid, pg_relation_filenode(c.oid), exists (select from pg_inherits where inhparent = c.oid)),
       (select string_agg(concat_ws(':', a.attnum, a.atttypid, a.atttypmod, (
            select string_agg(e.enumlabel, '/' order by e.enumsortorder) from pg_enum e
            join pg_type t on e.enumtypid in (t.oid, t.typelem) where t.oid = a.atttypid)), ',' order by a.attnum)
        from pg_attribute a
        where a.attrelid = c.oid and quote_ident(a.attname) = any(%(columns)s) and not a.attisdropped)
from pg_class c where c.oid = to_regclass(%(table)s)
"""
HORIZON: LiteralString = "select pg_snapshot_xmin(pg_current_snapshot())::xid::text"
LEFT: LiteralString = """
select relname::text from pg_class where relnamespace = to_regnamespace('wish_rollout_archive') and relkind = 'r'
and relname ~ '^p[0-9]+$' order by 1
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


def blocks_of(number: int, blocks: int, count: int) -> str:
    """Return the condition for the rows of one of ``count`` batches. The last has no end: the table may grow."""
    end = (number + 1) * blocks if number + 1 < count else LAST_BLOCK
    return f"ctid >= '({number * blocks},0)' and ctid < '({end},0)'"


def is_large(connection: psycopg.Connection[Any], table: str) -> bool:
    """Return whether a table is so large that its columns are copied before the lock, and its kind allows that.

    It must be a plain table: the rows of partitions and of child tables have blocks and keys of their own, and another
    access method may have no blocks. Raises psycopg's errors.
    """
    with _reading(connection):
        row = connection.execute(PLAIN, [table]).fetchone()
    return row is not None and bool(row[0]) and int(row[1]) >= LEAST_BYTES


def prepare_column(
    connection: psycopg.Connection[Any], loss: Loss, lost: frozenset[str], number: int
) -> PreparedColumn | None:
    """Copy a column in batches, with the lock of a SELECT only; None if it is gone, or its table is not plain or has no key.

    ``lost``: the columns of the table that the rollback takes away. ``number``: of the copy. The session is in
    autocommit mode, and the archive schema exists. Raises psycopg's errors.
    """
    (horizon,) = _row(connection, HORIZON)
    with _reading(connection):
        row = connection.execute(PLAIN, [loss.table]).fetchone()
        description = describe_table(connection, loss.table)
        key = description.key_without(lost) if description else ()
        if row is None or not row[0] or not description or not key or loss.column not in description.columns:
            return None
        stored = {name: description.columns[name].stored for name in (*key, loss.column)}
        identity = read_identity(connection, loss.table, tuple(stored))
        _create(connection, f"p{number}", loss.table, stored)
    empty = PreparedColumn(loss, f"p{number}", key, identity, horizon, BATCH_BLOCKS, ())
    batches = _copy_batches(connection, empty, stored, -(-int(row[2]) // BATCH_BLOCKS) or 1)
    with _reading(connection):
        _create_indexes(connection, empty)
    return replace(empty, batches=batches)


def _create(
    connection: psycopg.Connection[Any], relation: str, table: str, stored: Mapping[str, str]
) -> None:
    """Create the table of a copy. ``stored``: the expressions of its columns."""
    listed = ", ".join(f"{expression} as {name}" for name, expression in stored.items())
    query = f"create table {archived(relation)} as select {listed}, 0 as {BATCH} from {table} with no data"
    connection.execute(query.encode())
    # a publication of all tables refuses to delete from a table without one (manual, CREATE PUBLICATION), and may be
    # created meanwhile
    connection.execute(f"alter table {archived(relation)} replica identity full".encode())
    revoke_all(connection, relation)


def _copy_batches(
    connection: psycopg.Connection[Any], prepared: PreparedColumn, stored: Mapping[str, str], count: int
) -> tuple[int, ...]:
    """Copy each batch in a transaction of its own, and return the numbers of copies."""
    loss, listed, copied = prepared.loss, ", ".join(stored.values()), []
    for number in range(count):
        where = f"{blocks_of(number, prepared.batch_blocks, count)} and num_nonnulls({loss.column}) > 0"
        rows = f"select {listed}, {number} from only {loss.table} where {where}"
        with _reading(connection):
            inserted = connection.execute(f"insert into {archived(prepared.relation)} {rows}".encode())
            copied.append(inserted.rowcount)
    return tuple(copied)


def _create_indexes(connection: psycopg.Connection[Any], prepared: PreparedColumn) -> None:
    """Create the indexes that the completion needs."""
    relation, name = archived(prepared.relation), prepared.relation
    connection.execute(f"create index {name}_key on {relation} ({', '.join(prepared.key)})".encode())
    connection.execute(f"create index {name}_batch on {relation} using brin ({BATCH})".encode())
    connection.execute(f"analyze {relation}".encode())


def drop_prepared(connection: psycopg.Connection[Any]) -> None:
    """Drop copies that were not used, also those of a rollback that was interrupted. Call it with the rollout lock.

    A copy that another session reads or another role owns is left: a later rollback, restoration or purge drops it, or the
    error that ended this one is the one to report. The session is in autocommit mode.
    """
    with suppress(psycopg.Error):
        for (relation,) in connection.execute(LEFT).fetchall():
            with suppress(psycopg.Error), connection.transaction():
                connection.execute(f"set local lock_timeout = {DROP_MS}")
                drop_contents(connection, [relation])


def free_number(connection: psycopg.Connection[Any]) -> int:
    """Return the first number that no copy has, nor one after it."""
    left = connection.execute(LEFT).fetchall()
    return max((int(relation[1:]) for (relation,) in left), default=0) + 1


@contextmanager
def _reading(connection: psycopg.Connection[Any]) -> Iterator[None]:
    with connection.transaction(), plain_text_settings(connection):
        connection.execute(f"set local lock_timeout = {LOCK_MS}")
        yield


def read_identity(connection: psycopg.Connection[Any], table: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Return what differs if a table was rewritten or truncated, or if its columns are others."""
    row = connection.execute(IDENTITY, {"table": table, "columns": list(columns)}).fetchone()
    return tuple(map(str, row or ()))


def _row(connection: psycopg.Connection[Any], query: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row
