"""Counts the rows and values that a rollback would destroy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.facts.row_counts import count

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

    from wish_rollout.core.archive.losses import Loss


def count_losses(connection: psycopg.Connection[Any], losses: Iterable[Loss]) -> dict[str, int]:
    """Return the number of rows or values of each lost table or column, by its name. Raises psycopg's errors."""
    return {loss.name: count(connection, loss.table, column=loss.column) for loss in losses}


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
