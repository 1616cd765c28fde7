"""Copies of columns that are made before a rollback locks their tables, and completed under the lock.

A column is copied in batches; then the rows that were written meanwhile are copied again, each time in the snapshot of one
REPEATABLE READ transaction, until few are left. What is written after that is copied under the lock.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from wish_rollout.postgres.archives.archive_store import archived, drop_contents, revoke_all
from wish_rollout.postgres.archives.prepared.batches import (
    NUMBER,
    PreparedColumn,
    divide,
    read_horizon,
    read_identity,
    read_parts,
)
from wish_rollout.postgres.archives.prepared.completion import refresh
from wish_rollout.postgres.archives.session_settings import plain_text_settings
from wish_rollout.postgres.archives.table_description import describe_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.archive.losses import Loss
    from wish_rollout.postgres.archives.prepared.batches import Batch

LEAST_BYTES = 4 * 1024 * 1024
"""A smaller table is copied under the lock: that takes some milliseconds."""
BATCH_BLOCKS = 128
"""So many blocks of a table are counted together. If a row was deleted, all copies of its batch are looked up under the lock."""
BATCHES_AT_ONCE = 8
"""So many batches are copied in one transaction."""
REFRESHES = 3
FEW_CHANGED = 100
"""Changed rows are copied again until there were not more, REFRESHES times at most; then the lock is requested."""
DROP_MS = 200
"""A copy that was not used is left where another session holds a lock on it for longer."""
LOCK_MS = 2_000
"""A copy waits so long for a lock that another session holds; then the column is copied under the lock."""
LEFT: LiteralString = """
select relname::text from pg_class where relnamespace = to_regnamespace('wish_rollout_archive') and relkind = 'r'
and relname ~ '^p[0-9]+$' order by 1
"""


def is_large(connection: psycopg.Connection[Any], table: str) -> bool:
    """Return whether a table is so large that its columns are copied before the lock, and its kind allows that.

    It must be a plain table, or have only such partitions: the rows of child tables have keys of their own, and another
    access method or server may have no blocks. Raises psycopg's errors.
    """
    with _reading(connection):
        parts = read_parts(connection, table)
    return all(each.plain for each in parts) and sum(each.size for each in parts) >= max(LEAST_BYTES, 1)


def prepare_column(
    connection: psycopg.Connection[Any], loss: Loss, lost: frozenset[str], number: int
) -> PreparedColumn | None:
    """Copy a column, with the locks of a SELECT only; None if it is gone, or its table is not plain or has no key.

    None as well if too much was written meanwhile. ``lost``: the columns of the table that the rollback takes away.
    ``number``: of the copy. The session is in autocommit mode, and the archive schema exists. Raises psycopg's errors.
    """
    horizon = read_horizon(connection)
    with _reading(connection):
        parts = read_parts(connection, loss.table)
        description = describe_table(connection, loss.table)
        key = description.key_without(lost) if description else ()
        plain = bool(parts) and all(each.plain for each in parts)
        if not plain or not description or not key or loss.column not in description.columns:
            return None
        stored = tuple((name, description.columns[name].stored) for name in (*key, loss.column))
        identity = read_identity(connection, loss.table, [name for name, _ in stored])
        batches = divide(parts, BATCH_BLOCKS)
        prepared = PreparedColumn(loss, f"p{number}", key, stored, identity, horizon, batches)
        _create(connection, prepared)
    prepared = replace(prepared, batches=_copy_batches(connection, prepared))
    with _reading(connection):
        _create_indexes(connection, prepared)
    return refresh_column(connection, prepared)


def _create(connection: psycopg.Connection[Any], prepared: PreparedColumn) -> None:
    """Create the table of a copy."""
    relation, table = prepared.relation, prepared.loss.table
    listed = ", ".join(f"{expression} as {name}" for name, expression in prepared.stored)
    query = f"create table {archived(relation)} as select {listed}, 0 as {NUMBER} from {table} with no data"
    connection.execute(query.encode())
    # a publication of all tables refuses to delete from a table without one (manual, CREATE PUBLICATION), and may be
    # created meanwhile
    connection.execute(f"alter table {archived(relation)} replica identity full".encode())
    revoke_all(connection, relation)


def _copy_batches(connection: psycopg.Connection[Any], prepared: PreparedColumn) -> tuple[Batch, ...]:
    """Copy the batches in several transactions, and return them with the numbers of copies."""
    listed, copied = ", ".join(expression for _, expression in prepared.stored), []
    for place in range(0, len(prepared.batches), BATCHES_AT_ONCE):
        with _reading(connection):
            for batch in prepared.batches[place : place + BATCHES_AT_ONCE]:
                where = f"{batch.condition} and num_nonnulls({prepared.loss.column}) > 0"
                rows = f"select {listed}, {batch.number} from only {batch.table} where {where}"
                inserted = connection.execute(f"insert into {archived(prepared.relation)} {rows}".encode())
                copied.append(replace(batch, copies=inserted.rowcount))
    return tuple(copied)


def _create_indexes(connection: psycopg.Connection[Any], prepared: PreparedColumn) -> None:
    """Create the indexes that the completion needs."""
    relation, name = archived(prepared.relation), prepared.relation
    connection.execute(f"create index {name}_key on {relation} ({', '.join(prepared.key)})".encode())
    connection.execute(f"create index {name}_batch on {relation} using brin ({NUMBER})".encode())
    connection.execute(f"analyze {relation}".encode())


def refresh_column(connection: psycopg.Connection[Any], prepared: PreparedColumn) -> PreparedColumn | None:
    """Copy the changed rows again, until few are left; drop the copy and return None if that is not possible.

    Where that fails, the copy is returned as the last transaction has left it. The session is in autocommit mode. Raises
    psycopg's errors if the connection is lost.
    """
    for _ in range(REFRESHES):
        try:
            with _reading(connection, "repeatable read"):
                columns = [name for name, _ in prepared.stored]
                same = read_identity(connection, prepared.loss.table, columns) == prepared.identity
                refreshed = refresh(connection, prepared, read_horizon(connection)) if same else None
        except psycopg.Error:
            if connection.closed:
                raise
            return prepared
        if refreshed is None:
            drop_prepared(connection, prepared.relation)
            return None
        prepared = refreshed
        if prepared.changed <= FEW_CHANGED:
            break
    return prepared


def drop_prepared(connection: psycopg.Connection[Any], relation: str = "") -> None:
    """Drop copies that were not used, also those of a rollback that was interrupted. Call it with the rollout lock.

    ``relation``: only this one. A copy that another session reads or another role owns is left: a later rollback,
    restoration or purge drops it, or the error that ended this one is the one to report. The session is in autocommit mode.
    """
    with suppress(psycopg.Error):
        for (left,) in connection.execute(LEFT).fetchall():
            if relation in ("", left):
                with suppress(psycopg.Error), connection.transaction():
                    connection.execute(f"set local lock_timeout = {DROP_MS}")
                    drop_contents(connection, [left])


def free_number(connection: psycopg.Connection[Any]) -> int:
    """Return the first number that no copy has, nor one after it."""
    left = connection.execute(LEFT).fetchall()
    return max((int(relation[1:]) for (relation,) in left), default=0) + 1


@contextmanager
def _reading(connection: psycopg.Connection[Any], level: LiteralString = "read committed") -> Iterator[None]:
    with connection.transaction():
        connection.execute(f"set transaction isolation level {level}".encode())
        with plain_text_settings(connection):
            connection.execute(f"set local lock_timeout = {LOCK_MS}")
            yield
