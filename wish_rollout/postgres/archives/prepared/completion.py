"""Completing a copy of a column, so that it contains what the table contains: in one snapshot, or under the lock.

The rows that are not older than the copy are read again, and their copies replaced by key. If a batch has more copies than
its blocks have older rows with a value, rows were deleted, and its copies without a row are deleted. A table that was
rewritten or truncated meanwhile, or a column that is another one, is not completed: it is copied again as a whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.postgres.archives.archive_store import archived, drop_contents
from wish_rollout.postgres.archives.prepared.batch_states import read_states
from wish_rollout.postgres.archives.prepared.batches import NUMBER, is_newer, read_identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wish_rollout.core.archive.archive import ArchivedObject
    from wish_rollout.postgres.archives.prepared.batch_states import BatchState
    from wish_rollout.postgres.archives.prepared.batches import PreparedColumn
    from wish_rollout.postgres.archives.table_description import TableDescription

GONE_AT_ONCE = 64
"""The copies of so many batches are compared with their blocks by one statement."""
MOST_CHANGED = 100_000
"""If more rows were written since, the column is copied again as a whole."""
MOST_REFRESHED = 1_000_000
"""The same, as long as nobody waits."""


NONE_OLDER = "true"
"""The condition under which no copy gets a number: there is no next time."""


def refresh(
    connection: psycopg.Connection[Any], prepared: PreparedColumn, horizon: str
) -> PreparedColumn | None:
    """Complete a copy in the snapshot of the current transaction, and return it; None if that is not possible.

    ``horizon``: the oldest transaction that was running when the snapshot was taken. Raises psycopg's errors.
    """
    later = is_newer(connection, horizon)
    states = read_states(connection, prepared, MOST_REFRESHED, later)
    if states is None or _complete(connection, prepared, states, later) is None:
        return None
    batches = tuple(each.batch for each in states)
    changed = sum(len(each.changed) for each in states)
    return replace(prepared, horizon=horizon, batches=batches, changed=changed)


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
    stored = tuple((name, description.columns[name].stored) for name in kept.stored_columns)
    identity = read_identity(connection, kept.table, kept.stored_columns)
    if (prepared.key, prepared.stored, prepared.identity) == (kept.key, stored, identity):
        states = read_states(connection, prepared, MOST_CHANGED)
        rows = None if states is None else _complete(connection, prepared, states, NONE_OLDER)
    if not rows:
        drop_contents(connection, [prepared.relation])
        return None
    connection.execute(f"drop index {archived(f'{prepared.relation}_key')}".encode())
    connection.execute(f"alter table {copy} drop column {NUMBER}".encode())  # and its index
    connection.execute(f"alter table {copy} rename to {kept.relation}".encode())
    return rows


def _complete(
    connection: psycopg.Connection[Any], prepared: PreparedColumn, states: Sequence[BatchState], newer: str
) -> int | None:
    """Replace the copies of changed rows, delete those of deleted rows, and return the number of copies.

    ``newer``: the condition for the rows whose copies get no number. None if the numbers of rows contradict each other.
    """
    # the rows of copies without a number are newer than the horizon: those that still exist are among the changed rows
    connection.execute(f"delete from {archived(prepared.relation)} where {NUMBER} is null".encode())
    copies = [each.copies for each in prepared.batches]
    changed: dict[str, list[str]] = {}
    for state in states:
        changed.setdefault(state.batch.table, []).extend(state.changed)
    for table, tids in changed.items():
        for number, rows in _delete_changed(connection, prepared, table, tids) if tids else ():
            copies[number] -= rows
    added = sum(_insert_changed(connection, prepared, *part) for part in _insertions(states, changed, newer))
    unchanged = [each.unchanged for each in states]
    wrong = [place for place, rows in enumerate(copies) if rows != unchanged[place]]
    if wrong and sum(copies) - _delete_gone(connection, prepared, wrong) != sum(unchanged):
        return None
    return sum(unchanged) + added


def _same_key(prepared: PreparedColumn) -> str:
    stored = dict(prepared.stored)
    return " and ".join(f"t.{stored[name]} = p.{name}" for name in prepared.key)


def _insertions(
    states: Sequence[BatchState], changed: Mapping[str, Sequence[str]], newer: str
) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yield which rows of which table are copied, and the expression for the numbers of their copies."""
    if newer == NONE_OLDER:  # other sessions may wait: one statement for each table
        yield from ((table, "null", tids) for table, tids in changed.items() if tids)
        return
    for state in states:
        if state.changed:
            yield state.batch.table, f"case when not {newer} then {state.batch.number} end", state.changed


def _delete_changed(
    connection: psycopg.Connection[Any], prepared: PreparedColumn, table: str, tids: Sequence[str]
) -> list[tuple[int, int]]:
    """Delete the copies of changed rows, and return how many there were in which batches."""
    delete = (
        f"with gone as (delete from {archived(prepared.relation)} as p using only {table} as t "
        f"where t.ctid = any(%s::tid[]) and {_same_key(prepared)} returning p.{NUMBER}) "
        f"select {NUMBER}, count(*) from gone where {NUMBER} is not null group by 1"
    )
    return connection.execute(delete.encode(), [tids]).fetchall()


def _insert_changed(
    connection: psycopg.Connection[Any],
    prepared: PreparedColumn,
    table: str,
    number: str,
    tids: Sequence[str],
) -> int:
    """Copy changed rows again, and return how many have a value."""
    listed = ", ".join(f"t.{expression}" for _, expression in prepared.stored)
    insert = (
        f"insert into {archived(prepared.relation)} select {listed}, {number} from only {table} as t "
        f"where t.ctid = any(%s::tid[]) and num_nonnulls(t.{prepared.loss.column}) > 0"
    )
    return connection.execute(insert.encode(), [tids]).rowcount


def _delete_gone(connection: psycopg.Connection[Any], prepared: PreparedColumn, wrong: Sequence[int]) -> int:
    """Delete the copies without a row in some batches, and return their number.

    A row that is older than its copy is where it was, so only the blocks of these batches are read.
    """
    stored = dict(prepared.stored)
    keys = ", ".join(f"t.{stored[name]} as {name}" for name in prepared.key)
    same = " and ".join(f"t.{name} = p.{name}" for name in prepared.key)
    deleted = 0
    for place in range(0, len(wrong), GONE_AT_ONCE):
        batches = [prepared.batches[number] for number in wrong[place : place + GONE_AT_ONCE]]
        rows = " union all ".join(
            f"select {keys} from only {each.table} as t where {each.condition}" for each in batches
        )
        delete = (
            f"delete from {archived(prepared.relation)} as p where p.{NUMBER} = any(%s::int[]) "
            f"and not exists (select from ({rows}) as t where {same})"
        )
        deleted += connection.execute(delete.encode(), [[each.number for each in batches]]).rowcount
    return deleted
