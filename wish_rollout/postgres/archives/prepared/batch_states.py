"""What the blocks of a batch contain now: the rows that are older than the copy, and those that are not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.archives.prepared.batches import Batch, is_newer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from wish_rollout.postgres.archives.prepared.batches import PreparedColumn

BATCHES_AT_ONCE = 64
"""So many batches are read by one statement."""


@dataclass(frozen=True, slots=True)
class BatchState:
    """A batch as its table contains it now.

    ``unchanged``: the number of older rows with a value. ``changed``: the ctids of the other rows. ``batch``: the batch as
    it is counted for the next time.
    """

    batch: Batch
    unchanged: int
    changed: Sequence[str]


def read_states(
    connection: psycopg.Connection[Any], prepared: PreparedColumn, most: int, later: str = ""
) -> list[BatchState] | None:
    """Return the states of all batches; None if there are more than ``most`` changed rows.

    ``later``: the condition for the rows that will not be older the next time; without, other sessions may wait for this
    scan, and nothing is counted for a next time.
    """
    changed = is_newer(connection, prepared.horizon)
    states: list[BatchState] = []
    left = most
    for place in range(0, len(prepared.batches), BATCHES_AT_ONCE):
        batches = prepared.batches[place : place + BATCHES_AT_ONCE]
        queries = (_batch_query(prepared.loss.column, each, changed, later, left) for each in batches)
        rows = connection.execute(" union all ".join(queries).encode()).fetchall()
        states += [_batch_state(*pair, is_last=not later) for pair in zip(batches, sorted(rows), strict=True)]
        left = most - sum(len(each.changed) for each in states)
        if left < 0:
            return None
    return states


def _batch_query(column: str, batch: Batch, changed: str, later: str, most: int) -> str:
    """Return the query for the state of a batch: its number, what ``_batch_state`` reads, and the numbers for the next time."""
    # a column is read much more slowly than the number of rows
    old = "count(*)" if batch.complete and not later else f"count(t.{column}) filter (where not {changed})"
    tids = f"coalesce((array_agg(t.ctid) filter (where {changed}))[:{most + 1}]::text[], '{{}}')"
    counted = (f"count({what}) filter (where not {later})" if later else "0" for what in ("*", f"t.{column}"))
    wanted = ", ".join([str(batch.number), old, tids, *counted])
    return f"select {wanted} from only {batch.table} as t where {batch.condition}"


def _batch_state(batch: Batch, row: tuple[Any, ...], *, is_last: bool) -> BatchState:
    """Return the state of a batch from a row of its query. ``is_last``: nothing was counted for a next time."""
    _, old, tids, rows, values = row
    if is_last:
        return BatchState(batch, old - len(tids) if batch.complete else old, tids)
    return BatchState(replace(batch, copies=values, complete=rows == values), old, tids)
