"""Counts the rows and values that a rollback would destroy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from wish_rollout.postgres.facts.row_counts import count

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

    from wish_rollout.core.archive.losses import Loss


SOURCES: LiteralString = """
select c.relkind::text,
       (select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
         where attrelid = c.oid and attnum > 0 and not attisdropped),
       array(select relid::text from pg_partition_tree(c.oid) where isleaf and not exists (
           select from unnest(%(apart)s::text[]) as name where to_regclass(name) = relid))
from pg_class c where c.oid = to_regclass(%(table)s)
"""


def rows_of(connection: psycopg.Connection[Any], loss: Loss) -> str:
    """Return what contains the rows of a lost table, or the values of a column, for the FROM clause of a query.

    It does not contain the rows of child tables, which are losses of their own, nor those of the partitions ``loss.apart``.
    Call it with an empty search_path. Raises psycopg's errors.
    """
    found = connection.execute(SOURCES, {"table": loss.table, "apart": list(loss.apart)}).fetchone()
    if loss.kind != "table" or found is None:
        return loss.table
    kind, columns, partitions = found
    if kind == "r":
        return f"only {loss.table}"
    if not loss.apart:
        return loss.table
    parts = [f"select {columns or ''} from {name}" for name in (f"only {loss.table}", *partitions)]  # noqa: S608
    return f"({' union all '.join(parts)}) as apart"


def count_losses(connection: psycopg.Connection[Any], losses: Iterable[Loss]) -> dict[str, int]:
    """Return the number of rows or values of each lost table or column, by its name. Raises psycopg's errors."""
    return {loss.name: count(connection, rows_of(connection, loss), column=loss.column) for loss in losses}


EXISTING = r"""
select name from unnest(%s::text[]) as name
where case when cardinality(parse_ident(name)) < 3 then to_regclass(name) is not null
           else exists (select from pg_attribute  -- to_regclass() rejects a name with three parts
                         where attrelid = to_regclass(substring(name from '^(.*)\.'))
                           and attname = (parse_ident(name))[3] and not attisdropped) end
"""


def existing_names(connection: psycopg.Connection[Any], names: list[str]) -> set[str]:
    """Return the tables and columns that exist: an earlier step may have dropped some."""
    return {row[0] for row in connection.execute(EXISTING, [names])}
