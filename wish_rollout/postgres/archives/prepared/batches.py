"""The batches of a copy of a column: blocks of its table, or of each partition.

A row version is older than a copy if its transaction ended before the oldest one that was running when the copy was made
(``pg_snapshot_xmin``, manual, 9.27.4, and ``age(xmin)``, 5.6 and 24.1.5). What is older and still exists was in the blocks
that the copy read, and visible to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import psycopg

    from wish_rollout.core.archive.losses import Loss

NUMBER = "wish_rollout_batch"
"""The column of a copy with the number of its batch, or null if its row is not older; it is dropped under the lock."""
LAST_BLOCK = 0xFFFFFFFE
FUTURE = 1_000_000_000
"""No row version is so many transactions younger than a transaction that reads it."""
PARTS: LiteralString = """
select coalesce(p.oid, c.oid)::regclass::text, coalesce(p.relkind, c.relkind) = 'r' and a.amname = 'heap'
       and not exists (select from pg_inherits where inhparent = coalesce(p.oid, c.oid))
       and not row_security_active(coalesce(p.oid, c.oid)) and has_table_privilege(coalesce(p.oid, c.oid), 'select'),
       pg_relation_size(coalesce(p.oid, c.oid)),
       pg_relation_size(coalesce(p.oid, c.oid)) / current_setting('block_size')::int
from pg_class c left join lateral pg_partition_tree(c.oid) as tree on tree.isleaf and c.relkind = 'p'
left join pg_class p on p.oid = tree.relid left join pg_am a on a.oid = coalesce(p.relam, c.relam)
where c.oid = to_regclass(%s) order by 1
"""
IDENTITY: LiteralString = """
select concat_ws(':', c.oid, row_security_active(c.oid), exists (select from pg_inherits where inhparent = c.oid),
       pg_relation_filenode(c.oid), (
            select string_agg(concat_ws(':', relid, pg_relation_filenode(relid), row_security_active(relid)), ',' order by relid)
            from pg_partition_tree(c.oid))),
       (select string_agg(concat_ws(':', a.attnum, a.atttypid, a.atttypmod, (
            with recursive used (type) as (
                select a.atttypid
                union
                select part.type from used join pg_type t on t.oid = used.type cross join lateral (
                    select t.typbasetype union all select t.typelem
                    union all select rngsubtype from pg_range where t.oid in (rngtypid, rngmultitypid)
                    union all select atttypid from pg_attribute where attrelid = t.typrelid and attnum > 0
                ) as part (type) where part.type <> 0
            )
            select string_agg(concat_ws('/', used.type,
                (select string_agg(enumlabel, '/' order by enumsortorder) from pg_enum where enumtypid = used.type),
                (select string_agg(concat_ws('.', attnum, attname, atttypid, atttypmod), '/' order by attnum)
                 from pg_attribute join pg_type t on t.typrelid = attrelid where t.oid = used.type and attnum > 0)
            ), ';' order by used.type) from used)), ',' order by a.attnum)
        from pg_attribute a
        where a.attrelid = c.oid and quote_ident(a.attname) = any(%(columns)s) and not a.attisdropped)
from pg_class c where c.oid = to_regclass(%(table)s)
"""
HORIZON: LiteralString = "select pg_snapshot_xmin(pg_current_snapshot())::xid::text"


@dataclass(frozen=True, slots=True)
class Part:
    """A table without partitions, or one partition; its quoted name and its size.

    ``plain``: it has blocks and no child tables, and the session may read all of its rows.
    """

    table: str
    plain: bool
    size: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Blocks of a table: the quoted name of the table or partition, the first one, and the one behind the last.

    ``copies``: how many rows there have a value, of those that are older than the copy. ``complete``: all of them have.
    """

    number: int
    table: str
    first: int
    end: int
    copies: int = 0
    complete: bool = False

    @property
    def condition(self) -> str:
        """The condition for the rows in these blocks."""
        return f"ctid >= '({self.first},0)' and ctid < '({self.end},0)'"


@dataclass(frozen=True, slots=True)
class PreparedColumn:
    """A copy of a column.

    ``relation``: its table in the archive schema. ``key``: of the column's table. ``stored``: the expressions of the copied
    columns. ``identity``: of the table's files and of its columns. ``horizon``: the oldest transaction that was running
    before it was read. ``changed``: how many rows were read again at last.
    """

    loss: Loss
    relation: str
    key: tuple[str, ...]
    stored: tuple[tuple[str, str], ...]
    identity: tuple[str, ...]
    horizon: str
    batches: tuple[Batch, ...]
    changed: int = 0

    @property
    def rows(self) -> int:
        """The number of copies of older rows."""
        return sum(each.copies for each in self.batches)


def read_parts(connection: psycopg.Connection[Any], table: str) -> list[Part]:
    """Return the partitions of a table that have rows of their own, or the table itself; [] if it does not exist."""
    return [Part(*row) for row in connection.execute(PARTS, [table])]


def divide(parts: Iterable[Part], blocks: int) -> tuple[Batch, ...]:
    """Return batches of so many blocks. The last one of each part has no end, because the part may grow."""
    found: list[Batch] = []
    for part in parts:
        count = -(-part.blocks // blocks) or 1
        for place in range(count):
            end = (place + 1) * blocks if place + 1 < count else LAST_BLOCK
            found.append(Batch(len(found), part.table, place * blocks, end))
    return tuple(found)


def read_identity(connection: psycopg.Connection[Any], table: str, columns: Sequence[str]) -> tuple[str, ...]:
    """Return what differs if a table was rewritten or truncated, or if its partitions or columns are others."""
    row = connection.execute(IDENTITY, {"table": table, "columns": list(columns)}).fetchone()
    return tuple(map(str, row or ()))


def read_horizon(connection: psycopg.Connection[Any]) -> str:
    """Return the oldest transaction that is running; each row version of an older one is visible, or will never be."""
    row = connection.execute(HORIZON).fetchone()
    assert row is not None
    return str(row[0])


def is_newer(connection: psycopg.Connection[Any], horizon: str) -> str:
    """Return the condition for the row versions of ``t`` that are not older than a copy with this horizon.

    The age of the horizon does not change in a transaction, so it is computed here and not for each row. The age of a row
    version is negative if it was written since, or more than 2^31 transactions ago: freezing keeps its ``xmin``.
    """
    row = connection.execute(f"select age('{int(horizon)}'::xid)".encode()).fetchone()
    assert row is not None
    return f"age(t.xmin) between -{FUTURE} and {int(row[0])}"
