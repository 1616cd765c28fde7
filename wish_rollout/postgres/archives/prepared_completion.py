"""Completing a copy of a column under the lock of its table, so that it contains what the table contains then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.archives.archive_store import archived, drop_contents
from wish_rollout.postgres.archives.prepared_columns import BATCH, read_identity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psycopg

    from wish_rollout.core.archive.archive import ArchivedObject
    from wish_rollout.postgres.archives.prepared_columns import PreparedColumn
    from wish_rollout.postgres.archives.table_description import TableDescription


FEW = 4
"""If at most one of so many batches has lost rows, the table is not read again for them."""


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
        read_identity(connection, kept.table, kept.stored_columns),
    ):
        rows = _complete(connection, prepared, kept, description)
    if not rows:
        drop_contents(connection, [prepared.relation])
        return None
    connection.execute(f"drop index {archived(f'{prepared.relation}_key')}".encode())
    connection.execute(
        f"alter table {archived(prepared.relation)} drop column {BATCH}".encode()
    )  # and its index
    connection.execute(f"alter table {archived(prepared.relation)} rename to {kept.relation}".encode())
    return rows


def _complete(
    connection: psycopg.Connection[Any],
    prepared: PreparedColumn,
    kept: ArchivedObject,
    description: TableDescription,
) -> int | None:
    """Replace the copies of changed rows, delete those of deleted rows, and return the number of copies; None if it is wrong."""
    found = _read_batches(connection, prepared)
    unchanged = {batch: rows for batch, rows, _ in found}
    updated = [tid for _, _, tids in found for tid in tids or ()]
    stored = {name: description.columns[name].stored for name in kept.stored_columns}
    same = " and ".join(f"t.{stored[name]} = p.{name}" for name in kept.key)
    copies = dict(enumerate(prepared.batches))
    added = _replace(connection, prepared, stored, (same, updated), copies) if updated else 0
    if wrong := [batch for batch, rows in copies.items() if rows != unchanged[batch]]:
        rows = f"from {kept.table} as t where {same}"
        is_gone = f"not exists (select {rows})"
        if len(wrong) * FEW <= len(copies):
            # a search by key for each copy, which the planner does not make a join
            is_gone = f"(select true {rows} limit 1) is null"
        delete = f"delete from {archived(prepared.relation)} as p where p.{BATCH} = any(%s) and {is_gone}"
        deleted = connection.execute(delete.encode(), [wrong]).rowcount
        if sum(copies.values()) - deleted != sum(unchanged.values()):
            return None
    return sum(unchanged.values()) + added


def _read_batches(
    connection: psycopg.Connection[Any], prepared: PreparedColumn
) -> list[tuple[int, int, list[str] | None]]:
    """Return of each batch its number, the number of unchanged rows with a value, and the ctids of changed rows.

    Blocks that were added since belong to the last batch. The age of the oldest transaction, which does not change in a
    transaction, is computed once and not for each row: other sessions wait for this scan.
    """
    row = connection.execute(f"select age('{int(prepared.horizon)}'::xid)".encode()).fetchone()
    assert row is not None
    changed = f"age(t.xmin) <= {int(row[0])}"
    query = (
        f"select number, rows, changed from generate_series(0, %(last)s) as number, lateral ("
        f"select count(t.{prepared.loss.column}) filter (where not {changed}) as rows, "
        f"array_agg(t.ctid) filter (where {changed})::text[] as changed from {prepared.loss.table} as t "
        f"where t.ctid >= format('(%%s,0)', number * %(blocks)s)::tid and t.ctid < case when number < %(last)s "
        f"then format('(%%s,0)', (number + 1) * %(blocks)s)::tid else '(4294967294,0)' end) as batch"
    )
    values = {"last": len(prepared.batches) - 1, "blocks": prepared.batch_blocks}
    return connection.execute(query.encode(), values).fetchall()


def _replace(
    connection: psycopg.Connection[Any],
    prepared: PreparedColumn,
    stored: Mapping[str, str],
    updated: tuple[str, Sequence[str]],
    copies: dict[int, int],
) -> int:
    """Copy updated rows again, and return how many have a value; reduce the numbers of copies of the batches.

    ``stored``: the expressions of the archived columns. ``updated``: the condition of equal keys, and the rows' ctids.
    """
    relation, (same, tids) = archived(prepared.relation), updated
    delete = (
        f"with gone as (delete from {relation} as p using {prepared.loss.table} as t "
        f"where t.ctid = any(%s::tid[]) and {same} returning p.{BATCH}) select {BATCH}, count(*) from gone group by 1"
    )
    for batch, rows in connection.execute(delete.encode(), [tids]).fetchall():
        copies[batch] -= rows
    listed = ", ".join(f"{expression} as {name}" for name, expression in stored.items())
    insert = (
        f"insert into {relation} select {listed}, null from {prepared.loss.table} as t "
        f"where t.ctid = any(%s::tid[]) and num_nonnulls({prepared.loss.column}) > 0"
    )
    return connection.execute(insert.encode(), [tids]).rowcount
