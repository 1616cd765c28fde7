"""Completing a copy of a column under the lock of its table, so that it contains what the table contains then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.postgres.archives.archive_store import archived, drop_contents
from wish_rollout.postgres.archives.prepared_columns import BATCH, blocks_of, read_identity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wish_rollout.core.archive.archive import ArchivedObject
    from wish_rollout.postgres.archives.prepared_columns import PreparedColumn
    from wish_rollout.postgres.archives.table_description import TableDescription


FEW = 4
"""If at most one of so many batches has lost rows, the table is not read again for them."""
MOST_CHANGED = 100_000
"""If more rows were written since, the column is copied again as a whole."""


def take_prepared(
    connection: psycopg.Connection[Any],
    prepared: PreparedColumn,
    kept: ArchivedObject,
    description: TableDescription,
) -> int | None:
    """Complete a copy, make it the archive table of ``kept``, and return the number of its rows.

    None if it cannot be completed; then it is dropped, unless another session reads it. Call it in a transaction that
    holds a lock on the table, with the settings of ``plain_text_settings``.
    """
    copy = archived(prepared.relation)
    try:
        with connection.transaction():
            connection.execute(f"lock table {copy} in access exclusive mode nowait".encode())
    except (psycopg.errors.LockNotAvailable, psycopg.errors.UndefinedTable):
        return None
    rows = None
    if (prepared.key, prepared.identity) == (
        kept.key,
        read_identity(connection, kept.table, kept.stored_columns),
    ):
        rows = _complete(connection, prepared, kept, description)
    if not rows:
        drop_contents(connection, [prepared.relation])
        return None
    connection.execute(f"drop index {archived(f'{prepared.relation}_key')}".encode())
    connection.execute(f"alter table {copy} drop column {BATCH}".encode())  # and its index
    connection.execute(f"alter table {copy} rename to {kept.relation}".encode())
    return rows


def _complete(
    connection: psycopg.Connection[Any],
    prepared: PreparedColumn,
    kept: ArchivedObject,
    description: TableDescription,
) -> int | None:
    """Replace the copies of changed rows, delete those of deleted rows, and return the number of copies.

    None if too many rows were changed, or if the numbers of rows contradict each other.
    """
    unchanged, updated = _read_batches(connection, prepared)
    if len(updated) > MOST_CHANGED:
        return None
    stored = {name: description.columns[name].stored for name in kept.stored_columns}
    same = " and ".join(f"t.{stored[name]} = p.{name}" for name in kept.key)
    copies = list(prepared.batches)
    added = _replace(connection, prepared, stored, (same, updated), copies) if updated else 0
    if wrong := [batch for batch, rows in enumerate(copies) if rows != unchanged[batch]]:
        rows = f"from only {kept.table} as t where {same}"
        is_gone = f"not exists (select {rows})"
        if len(wrong) * FEW <= len(copies) and all(stored[name] == name for name in kept.key):
            # a search by key for each copy, which the planner does not make a join; the key's index is on its columns
            is_gone = f"(select true {rows} limit 1) is null"
        delete = f"delete from {archived(prepared.relation)} as p where p.{BATCH} = any(%s) and {is_gone}"
        deleted = connection.execute(delete.encode(), [wrong]).rowcount
        if sum(copies) - deleted != sum(unchanged):
            return None
    return sum(unchanged) + added


def _read_batches(
    connection: psycopg.Connection[Any], prepared: PreparedColumn
) -> tuple[list[int], list[str]]:
    """Return the number of unchanged rows with a value in each batch, and the ctids of all changed rows.

    It ends when there are more than MOST_CHANGED of these. The age of the oldest transaction, which does not change in a
    transaction, is computed once and not for each row: other sessions wait for this scan.
    """
    oldest = connection.execute(f"select age('{int(prepared.horizon)}'::xid)".encode()).fetchone()
    assert oldest is not None
    changed = f"age(t.xmin) <= {int(oldest[0])}"
    unchanged: list[int] = []
    updated: list[str] = []
    count = len(prepared.batches)
    for number in range(count):
        query = (
            f"select count(t.{prepared.loss.column}) filter (where not {changed}), "
            f"(array_agg(t.ctid) filter (where {changed}))[:{MOST_CHANGED + 1}]::text[] from only {prepared.loss.table} as t "
            f"where {blocks_of(number, prepared.batch_blocks, count)}"
        )
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        unchanged.append(row[0])
        updated += row[1] or ()
        if len(updated) > MOST_CHANGED:
            break
    return unchanged, updated


def _replace(
    connection: psycopg.Connection[Any],
    prepared: PreparedColumn,
    stored: Mapping[str, str],
    updated: tuple[str, Sequence[str]],
    copies: list[int],
) -> int:
    """Copy updated rows again, and return how many have a value; reduce the numbers of copies of the batches.

    ``stored``: the expressions of the archived columns. ``updated``: the condition of equal keys, and the rows' ctids.
    """
    relation, (same, tids) = archived(prepared.relation), updated
    delete = (
        f"with gone as (delete from {relation} as p using only {prepared.loss.table} as t "
        f"where t.ctid = any(%s::tid[]) and {same} returning p.{BATCH}) select {BATCH}, count(*) from gone group by 1"
    )
    for batch, rows in connection.execute(delete.encode(), [tids]).fetchall():
        copies[batch] -= rows
    listed = ", ".join(f"{expression} as {name}" for name, expression in stored.items())
    insert = (
        f"insert into {relation} select {listed}, null from only {prepared.loss.table} as t "
        f"where t.ctid = any(%s::tid[]) and num_nonnulls({prepared.loss.column}) > 0"
    )
    return connection.execute(insert.encode(), [tids]).rowcount
